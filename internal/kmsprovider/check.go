package kmsprovider

import (
	"context"
	"time"
)

const (
	// DefaultInterval is the time between two checks. Together with the check it is less than the minute in which a
	// rotation must be noticed.
	DefaultInterval = 50 * time.Second
	// retryInterval is the time after a check that has failed. The API server then asks for the status as often.
	retryInterval = 10 * time.Second
	// checkTimeout ends a check.
	checkTimeout = 10 * time.Second
)

// Check asks the backend which key encrypts now, and lets Status show the answer.
func (p *Provider) Check(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	asked := p.board.ask()
	keyID, err := p.backend.Current(limited)
	if err == nil {
		err = checkKeyID(keyID)
	}
	if ctx.Err() != nil {
		return ctx.Err() // The provider is stopping; that says nothing about the key.
	}
	p.metrics.checked(err, p.options.Clock())
	if err != nil {
		if p.board.checked(oneLine(err)) {
			p.options.Log.Error("the key can't be used", "error", err)
		}
		return err
	}
	p.note(asked, keyID)
	if p.board.checked("") {
		p.options.Log.Info("the key can be used", "key_id", keyID)
	}
	return nil
}

// note records an answer that names a key id.
func (p *Provider) note(asked uint64, keyID string) {
	before, changed := p.board.answer(asked, keyID)
	if !changed {
		return
	}
	p.metrics.encryptsWith(keyID)
	if before != "" {
		p.options.Log.Info("another version encrypts now", "key_id", keyID, "before", before)
	}
}

// watch checks again and again, until ctx ends or the socket is gone.
func (p *Provider) watch(ctx context.Context, socket interface{ Intact() bool }) error {
	for {
		wait := p.options.Interval
		if _, problem := p.board.show(); problem != "" {
			wait = min(wait, retryInterval)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.options.After(wait):
		}
		if !socket.Intact() {
			return errSocketGone
		}
		_ = p.Check(ctx) // Check logs its error.
	}
}
