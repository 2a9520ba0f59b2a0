package main

import (
	"context"
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// pageSize is the page size of the lists that are compared.
const pageSize = 10

// scaleRequests are sent to a large and to a small service.
var scaleRequests = []struct {
	name    string
	most    float64 // as a multiple of the small service's time
	request func(f *filledService, i int) kmsapi.Request
}{
	{"Encrypt", 1.1, func(f *filledService, i int) kmsapi.Request {
		return &kmsapi.EncryptRequest{KeyId: f.spread(i), Plaintext: kmsapi.NewSecret(plaintext)}
	}},
	{"Encrypt by alias", 1.1, func(f *filledService, i int) kmsapi.Request {
		return &kmsapi.EncryptRequest{KeyId: f.alias(i), Plaintext: kmsapi.NewSecret(plaintext)}
	}},
	{"DescribeKey", 1.1, func(f *filledService, i int) kmsapi.Request {
		return &kmsapi.DescribeKeyRequest{KeyId: f.spread(i)}
	}},
	{"ListKeys, first page", 2, func(*filledService, int) kmsapi.Request { return page(1) }},
	{"ListKeys, middle page", 2, func(f *filledService, _ int) kmsapi.Request { return page(f.pages() / 2) }},
	{"ListKeys, last page", 2, func(f *filledService, _ int) kmsapi.Request { return page(f.pages()) }},
}

func page(number int) kmsapi.Request {
	return &kmsapi.ListKeysRequest{PageNumber: number, PageSize: pageSize}
}

func (s *stage) scaleContests() []contest.Contest {
	var found []contest.Contest
	for _, e := range scaleRequests {
		found = append(found, contest.Contest{
			Name:    "service with 100,000 keys and aliases against 100: " + e.name,
			Open:    func(context.Context) ([]contest.Side, func() error, error) { return s.openScale(e.request) },
			Figures: []contest.Figure{figure(contest.P50, contest.AtMost(e.most))},
			Finer:   closePairs,
		})
	}
	found = append(found, s.filterContests()...)
	return append(found, contest.Contest{
		Name: "service with 100,000 keys and aliases against 100: restart", Open: s.openRestart,
		Figures: []contest.Figure{alone(contest.Ready, contest.AtMost(1)), figure(contest.Memory, contest.Target{})},
	})
}

// openScale uses one goroutine per service: with more, the times would be those of the queue.
func (s *stage) openScale(request func(*filledService, int) kmsapi.Request) ([]contest.Side, func() error, error) {
	many, few, err := s.filled()
	if err != nil {
		return nil, nil, err
	}
	side := func(name string, f *filledService) contest.Side {
		side := f.signed(f.http, 1, func(i int) kmsapi.Request { return request(f, i) })
		side.Name = name
		return side
	}
	return []contest.Side{side("ours", many), side("100 keys", few)}, nil, nil
}

func (s *stage) openRestart(context.Context) ([]contest.Side, func() error, error) {
	many, few, err := s.filled()
	if err != nil {
		return nil, nil, err
	}
	// Nothing needs them after this, and they would spend processor time on keys for imports.
	end := func() error { return errors.Join(many.Stop(), few.Stop()) }
	return []contest.Side{{Name: "ours", Run: many.restart}, {Name: "100 keys", Run: few.restart}}, end, nil
}

func (s *stage) filled() (many, few *filledService, err error) {
	if few, err = s.few(); err != nil {
		return nil, nil, err
	}
	many, err = s.many()
	return many, few, err
}
