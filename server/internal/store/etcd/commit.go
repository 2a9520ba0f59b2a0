package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// The limits of one transaction. By default, etcd accepts 128 operations, of which the mark and the end of a term need
// one each, and 1.5 MiB, of which maxBytes is what the largest record needs.
const (
	maxWrites = 126
	maxBytes  = store.MaxKey + store.MaxValue
)

// attempts is how often a commit is tried that certainly did not happen.
const attempts = 3

// mark is the mark of a commit, and etcd's revision of it.
type mark struct {
	value    string
	revision int64
}

// chain makes the commits of one term. Each is a transaction that requires the leader key of this term and the mark of
// the previous commit, and sets the mark. So nothing is written once another term has begun, and a commit by anything
// else is noticed. A chain belongs to one goroutine at a time.
type chain struct {
	kv   clientv3.KV
	keys layout
	log  *slog.Logger
	// term is canceled when the term ends, with the cause.
	term context.Context
	// leader is the revision at which this term's leader key was created.
	leader int64
	last   mark
	// advanced is called with each new mark.
	advanced func(mark)
	// pending is a staged update that is committed but not yet written to its records. litter is set if there are
	// staged writes without a commit.
	pending *staged
	litter  bool
	// attempt is how long to wait for one answer, and patience how long for the outcome of a commit.
	attempt, patience time.Duration
	// step is called after each step of a staged update, and progress with how many of its records are written.
	step     func(name string)
	progress func(done, total int)
	// renamed is the id that the next commit gives the store; empty leaves the id alone.
	renamed string
}

// commit makes changes durable. The error wraps [store.ErrUnavailable] if they certainly are not, and
// [cluster.ErrTermEnded] if that can't be found out.
func (c *chain) commit(changes []change) error {
	if err := c.settle(); err != nil {
		return err
	}
	if !fits(changes) {
		return c.stage(changes)
	}
	return c.rename(c.keys.writes(changes), newID())
}

// rename is advance that also gives the store its new id, if renamed is set.
func (c *chain) rename(ops []clientv3.Op, value string) error {
	if c.renamed != "" {
		ops = append(ops, clientv3.OpPut(c.keys.id, c.renamed))
	}
	err := c.advance(ops, value)
	if err == nil {
		c.renamed = ""
	}
	return err
}

// resign is commit that also gives up the leader key, in the same transaction.
func (c *chain) resign(changes []change) error {
	if err := c.settle(); err != nil {
		return err
	}
	if !fits(changes) {
		if err := c.commit(changes); err != nil {
			return err
		}
		if err := c.settle(); err != nil {
			return err
		}
		changes = nil
	}
	return c.advance(append(c.keys.writes(changes), clientv3.OpDelete(c.keys.leader)), newID())
}

// fits reports whether changes fit into one transaction.
func fits(changes []change) bool {
	bytes := 0
	for _, c := range changes {
		bytes += c.size()
	}
	return len(changes) <= maxWrites && bytes <= maxBytes
}

// advance runs ops and sets the mark to value in one transaction. When it returns without an error, the transaction has
// happened.
func (c *chain) advance(ops []clientv3.Op, value string) error {
	for range attempts {
		committed, err := c.try(ops, value)
		if committed || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: etcd did not answer", store.ErrUnavailable)
}

// try is one attempt of advance. It reports whether the commit has happened; if it has not, it never will.
func (c *chain) try(ops []clientv3.Op, value string) (committed bool, err error) {
	q := &question{chain: c, value: value}
	answer, err := c.send(append(slices.Clip(ops), clientv3.OpPut(c.keys.mark, value))...)
	switch {
	case err != nil && processed(err):
		return q.afterRefusal(err)
	case err != nil:
		return q.decide()
	case answer.Succeeded:
		c.advanceTo(mark{value, answer.Header.Revision})
		return true, nil
	}
	v, err := q.judge(answer)
	return v == happened, err
}

// advanceTo records a new mark.
func (c *chain) advanceTo(m mark) {
	c.last = m
	c.advanced(m)
}

// send runs ops in one transaction, if the chain's term still holds the leader key and nothing else has committed.
// Otherwise the answer has the leader key and the mark.
func (c *chain) send(ops ...clientv3.Op) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(c.term, c.attempt)
	defer cancel()
	return c.kv.Txn(ctx).If(
		clientv3.Compare(clientv3.CreateRevision(c.keys.leader), "=", c.leader),
		clientv3.Compare(clientv3.ModRevision(c.keys.mark), "=", c.last.revision),
	).Then(ops...).Else(c.look()...).Commit()
}

// look reads the leader key and the mark, which show what became of a commit.
func (c *chain) look() []clientv3.Op {
	return []clientv3.Op{clientv3.OpGet(c.keys.leader), clientv3.OpGet(c.keys.mark)}
}

// steady runs ops, which must be repeatable, in a transaction that leaves the mark alone.
func (c *chain) steady(ops ...clientv3.Op) error {
	q := &question{chain: c}
	for p := c.patiently(); p.more(); {
		answer, err := c.send(ops...)
		switch {
		case err == nil && answer.Succeeded:
			return nil
		case err == nil:
			if _, err := q.judge(answer); err != nil {
				return err
			}
		case processed(err):
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		}
	}
	if err := c.ended(); err != nil {
		return err
	}
	return fmt.Errorf("%w: etcd did not answer", store.ErrUnavailable)
}

// ended returns why the term has ended, or nil if it has not.
func (c *chain) ended() error {
	if c.term.Err() == nil {
		return nil
	}
	return termEnded(context.Cause(c.term))
}

// termEnded returns cause as an error that wraps [cluster.ErrTermEnded].
func termEnded(cause error) error {
	if errors.Is(cause, cluster.ErrTermEnded) {
		return cause
	}
	return fmt.Errorf("%w: %w", cluster.ErrTermEnded, cause)
}
