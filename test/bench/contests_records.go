package main

import (
	"context"
	"fmt"
	"os"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// manyVersions is the number of versions of a key that was rotated often.
const manyVersions = 50

// recordService is a service with a plain key, one with a tag, and one with many versions and ten tags.
type recordService struct {
	*kmsService
	plain, tagged, rotated madeKey
}

// recordRequests are sent for a key that has gathered something, and for a plain one.
var recordRequests = []struct {
	name    string
	key     func(*recordService) madeKey
	request func(madeKey) kmsapi.Request
	atMost  float64
}{
	{"Encrypt with a key that has 1 tag", func(s *recordService) madeKey { return s.tagged }, encryptWith, 1.1},
	{"Decrypt with a key that has 1 tag", func(s *recordService) madeKey { return s.tagged }, decryptWith, 1.1},
	{"Encrypt with a key of 50 versions", func(s *recordService) madeKey { return s.rotated }, encryptWith, 1.05},
	{"Decrypt with the oldest of 50 versions", func(s *recordService) madeKey { return s.rotated }, decryptWith, 1.1},
}

func (s *stage) recordContests() []contest.Contest {
	var found []contest.Contest
	for _, e := range recordRequests {
		found = append(found, contest.Contest{
			Name: "service: " + e.name,
			Open: func(context.Context) ([]contest.Side, func() error, error) {
				service, err := s.records()
				if err != nil {
					return nil, nil, err
				}
				return service.openRecords(e.key(service), e.request)
			},
			Figures: []contest.Figure{figure(contest.P50, contest.AtMost(e.atMost))},
			Finer:   closePairs,
		})
	}
	return found
}

func (s *recordService) openRecords(
	key madeKey, request func(madeKey) kmsapi.Request,
) ([]contest.Side, func() error, error) {
	client, err := newHTTP(s.CA)
	if err != nil {
		return nil, nil, err
	}
	ours, peer := s.signed(client, 1, same(request(key))), s.signed(client, 1, same(request(s.plain)))
	peer.Name = "plain key"
	return []contest.Side{ours, peer}, nil, nil
}

// startRecords starts a service with the three keys.
func (s *stage) startRecords(ctx context.Context) (*recordService, error) {
	const name = "records"
	if err := os.Mkdir(s.folder(name), 0o700); err != nil {
		return nil, err
	}
	kms, err := s.startKMS(name)
	if err != nil {
		return nil, err
	}
	r := &recordService{kmsService: kms}
	if err := r.createKeys(ctx); err != nil {
		return nil, err
	}
	return r, settle(ctx)
}

func (s *recordService) createKeys(ctx context.Context) (err error) {
	for _, key := range []*madeKey{&s.plain, &s.tagged, &s.rotated} {
		if *key, err = s.makeKey(ctx, symmetric); err != nil {
			return err
		}
	}
	c, err := s.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	tags := kmsapi.Tags{{TagKey: "team", TagValue: "billing"}}
	if _, err := c.TagResource(ctx, &kmsapi.TagResourceRequest{KeyId: s.tagged.id, Tags: tags}); err != nil {
		return err
	}
	return s.rotate(ctx, c)
}

// rotate gives the third key many versions, and as many tags as the real service allows at once.
func (s *recordService) rotate(ctx context.Context, c *client.Client) error {
	const manyTags = 10
	var tags kmsapi.Tags
	for i := range manyTags {
		tags = append(tags, kmsapi.Tag{TagKey: fmt.Sprint("tag", i), TagValue: "value"})
	}
	if _, err := c.TagResource(ctx, &kmsapi.TagResourceRequest{KeyId: s.rotated.id, Tags: tags}); err != nil {
		return err
	}
	for range manyVersions - 1 {
		if _, err := c.CreateKeyVersion(ctx, &kmsapi.CreateKeyVersionRequest{KeyId: s.rotated.id}); err != nil {
			return err
		}
	}
	return nil
}
