package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// kill ends the node with SIGKILL.
func (n *kmsNode) kill() error {
	n.Kill()
	n.Process = nil // So that there is nothing to stop until it is started again.
	return nil
}

// duo is two nodes, of which the active one is lost again and again.
type duo struct {
	*cluster
	keyID string
	// took receives how long the service was away each time.
	took chan absence
}

// absence is how long the service was away, or why that is not known.
type absence struct {
	time time.Duration
	err  error
}

// lose loses the active node that many times, each time as soon as the last absence has been received.
func (d *duo) lose(ctx context.Context, times int, end func(*kmsNode) error) {
	for range times {
		var a absence
		a.time, a.err = d.loseOnce(ctx, end)
		select {
		case d.took <- a:
		case <-ctx.Done():
			return
		}
		if a.err != nil {
			return
		}
	}
}

// loseOnce ends the active node, and measures for how long clients of the other one get no answer. Then the lost node
// is started again, as a standby.
func (d *duo) loseOnce(ctx context.Context, end func(*kmsNode) error) (time.Duration, error) {
	lost, heir := d.active, d.standbys[0]
	ask, err := heir.asker(d.keyID)
	if err != nil {
		return 0, err
	}
	if err := ask(ctx); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	var ending sync.WaitGroup
	ending.Go(func() { ended <- end(lost) })
	defer ending.Wait()
	away, err := longestSilence(ctx, ask, ended)
	if err != nil {
		return 0, err
	}
	if err := lost.Start(); err != nil {
		return 0, err
	}
	d.active, d.standbys[0] = heir, lost
	return away, lost.awaitHealth(ctx, http.StatusTooManyRequests)
}

// asker returns a function that asks the node to encrypt with a key, by a connection of its own.
func (n *kmsNode) asker(keyID string) (func(context.Context) error, error) {
	client, err := newHTTP(n.CA)
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		form := n.form(&kmsapi.EncryptRequest{KeyId: keyID, Plaintext: kmsapi.NewSecret(plaintext)})
		return n.send(ctx, client, form)
	}, err
}

// longestSilence asks until the node that has ended by then is replaced. It returns the longest time between two
// answers.
func longestSilence(ctx context.Context, ask func(context.Context) error, ended <-chan error) (time.Duration, error) {
	const (
		interval = 5 * time.Millisecond
		patience = 30 * time.Second
	)
	var longest time.Duration
	began := time.Now()
	last, over := began, false
	for {
		select {
		case err := <-ended:
			if err != nil {
				return 0, err
			}
			over = true
		default:
		}
		err := ask(ctx)
		now := time.Now()
		switch {
		case err == nil:
			longest, last = max(longest, now.Sub(last)), now
			if over {
				return longest, nil
			}
		case now.Sub(began) > patience:
			return 0, errors.Join(errors.New("no node has taken over"), err)
		}
		if err := sleep(ctx, interval); err != nil {
			return 0, err
		}
	}
}
