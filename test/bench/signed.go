package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// signed is a side that sends requests signed in advance: it measures the service alone, and the clients of its peers
// sign nothing.
func (k *kmsService) signed(c *http.Client, goroutines int, request func(i int) kmsapi.Request) contest.Side {
	const first = 2000 // requests for the first run, before a rate is known
	var forms []string
	var rate atomic.Int64
	prepare := func(_ context.Context, d time.Duration) error {
		enough := max(first, int(float64(rate.Load())*d.Seconds()*2))
		forms = make([]string, 0, enough)
		for i := range enough {
			forms = append(forms, k.form(request(i)))
		}
		return nil
	}
	run := func(ctx context.Context, d time.Duration) (contest.Sample, error) {
		load, err := contest.Drive(ctx, goroutines, d, len(forms), func(i int) error {
			return k.send(ctx, c, forms[i])
		})
		if err != nil {
			return nil, err
		}
		rate.Store(int64(load.Rate()))
		return load.Sample(), nil
	}
	return contest.Side{Name: "ours", Prepare: prepare, Run: run}
}

// same returns r for every number.
func same(r kmsapi.Request) func(int) kmsapi.Request { return func(int) kmsapi.Request { return r } }
