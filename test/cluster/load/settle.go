package load

import (
	"context"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
)

// settleWorlds reads all worlds, each from one caller, several at a time.
func (l *Load) settleWorlds(ctx context.Context) error {
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(4)
	for _, t := range l.teams {
		for _, w := range t.worlds {
			c := newCaller(l.site, l.recorder, l.random)
			readers.Go(func() error { return c.read(ctx, w) })
		}
	}
	return readers.Wait()
}

// read reads a world, and opens its ciphertexts.
func (c *caller) read(ctx context.Context, w *world) error {
	for _, key := range w.keys {
		for _, request := range []func(string) kmsapi.Request{describeKey, listVersions, listAliases} {
			if err := c.insist(ctx, func() (history.Event, bool) {
				return c.call(ctx, history.Event{World: w.number, Key: key}, request(key))
			}); err != nil {
				return err
			}
		}
	}
	for _, b := range w.kept() {
		if err := c.insist(ctx, func() (history.Event, bool) { return c.decrypt(ctx, w, b) }); err != nil {
			return err
		}
	}
	return nil
}

// insist repeats a read until its outcome is known, and notes that.
func (c *caller) insist(ctx context.Context, read func() (history.Event, bool)) error {
	for {
		e, ok := read()
		if ok && e.Outcome != history.Unknown {
			c.recorder.Note(e)
			return nil
		}
		if !pause(ctx, backoff) {
			return fmt.Errorf("%s of key %s has no answer: %s %s", e.Op, e.Key, e.Outcome, e.Code)
		}
	}
}

// list lists all CMKs and aliases. Callers know the descriptions of the CMKs whose creation was acknowledged; those of
// all others are read.
func (l *Load) list(ctx context.Context) (history.Listed, error) {
	listed := history.Listed{Keys: map[string]string{}, Aliases: map[string]string{}}
	known := l.acknowledged()
	c := l.site.clients[0]
	ids, err := keys(ctx, c)
	if err != nil {
		return listed, err
	}
	for _, id := range ids {
		if listed.Keys[id] = known[id]; known[id] != "" {
			continue
		}
		described, err := again(ctx, c, &kmsapi.DescribeKeyRequest{KeyId: id})
		if err != nil {
			return listed, err
		}
		listed.Keys[id] = described.KeyMetadata.Description
	}
	return listed, listAllAliases(ctx, c, listed.Aliases)
}

// acknowledged returns descriptions by id, with those from before.
func (l *Load) acknowledged() map[string]string {
	known := maps.Clone(l.before.Keys)
	if known == nil {
		known = map[string]string{}
	}
	events := l.recorder.Events()
	for _, letter := range l.recorder.Letters() {
		events = append(events, letter.Deliveries...)
	}
	for _, e := range events {
		if e.Op == kmsapi.OpCreateKey && e.Outcome == history.Done {
			known[e.Key] = e.Description
		}
	}
	return known
}

func keys(ctx context.Context, c *client.Client) (ids []string, err error) {
	for page := 1; ; page++ {
		got, err := again(ctx, c, &kmsapi.ListKeysRequest{PageNumber: page, PageSize: kmsapi.MaxPageSize})
		if err != nil {
			return nil, err
		}
		for _, k := range got.Keys.Key {
			ids = append(ids, k.KeyId)
		}
		if len(got.Keys.Key) < kmsapi.MaxPageSize {
			return ids, nil
		}
	}
}

func listAllAliases(ctx context.Context, c *client.Client, all map[string]string) error {
	for page := 1; ; page++ {
		got, err := again(ctx, c, &kmsapi.ListAliasesRequest{PageNumber: page, PageSize: kmsapi.MaxPageSize})
		if err != nil {
			return err
		}
		for _, a := range got.Aliases.Alias {
			all[a.AliasName] = a.KeyId
		}
		if len(got.Aliases.Alias) < kmsapi.MaxPageSize {
			return nil
		}
	}
}

// again repeats a read until it succeeds, for a while.
func again[A any](ctx context.Context, c *client.Client, r kmsapi.RequestFor[A]) (*A, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		answer, err := client.Do(ctx, c, r)
		if err == nil || !pause(ctx, backoff) {
			return answer, err
		}
	}
}
