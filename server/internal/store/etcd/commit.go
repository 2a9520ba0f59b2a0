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

// What one transaction holds. An etcd with its defaults takes 128 operations, of which the mark and the end of a term
// need one each, and 1.5 MiB, of which the largest record needs all that is counted here.
const (
	maxWrites = 126
	maxBytes  = store.MaxKey + store.MaxValue
)

// attempts is how often a commit is tried that surely did not happen.
const attempts = 3

// mark is the mark of a commit, and etcd's revision of it.
type mark struct {
	value    string
	revision int64
}

// chain is the commits of one term. Each is a transaction that requires the leader key of this term and the mark of the
// commit before, and sets the mark. So nothing is written once another term has begun, and nothing that this chain does
// not know of goes unnoticed. A chain belongs to one goroutine at a time.
type chain struct {
	kv   clientv3.KV
	keys layout
	log  *slog.Logger
	// term ends with the term, and has its cause.
	term context.Context
	// leader is the revision at which this term's leader key was created.
	leader int64
	last   mark
	// advanced is called with each new mark.
	advanced func(mark)
	// pending is committed, but not yet in its place. If litter is set, there are staged writes without a commit.
	pending *staged
	litter  bool
	// attempt is how long one answer is awaited, and patience how long the outcome of a commit.
	attempt, patience time.Duration
	// step is called after each step of a staged update, and progress with how many of its records are in their place.
	step     func(name string)
	progress func(done, total int)
	// renamed is the id that the store gets with the next commit, unless it is empty.
	renamed string
}

// commit makes changes durable. An error wraps [store.ErrUnavailable] if they surely are not, and
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

// rename is advance, and gives the store the new id that it is to have.
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

// resign is commit, and gives up the leader key in the same transaction.
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

// fits reports whether one transaction holds changes.
func fits(changes []change) bool {
	bytes := 0
	for _, c := range changes {
		bytes += c.size()
	}
	return len(changes) <= maxWrites && bytes <= maxBytes
}

// advance runs ops and sets the mark to value, in one transaction, whose outcome is known when advance returns.
func (c *chain) advance(ops []clientv3.Op, value string) error {
	for range attempts {
		committed, err := c.try(ops, value)
		if committed || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: etcd did not answer", store.ErrUnavailable)
}

// try is one attempt of advance. It reports whether the commit has happened; if not, it never will.
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

// send runs ops in one transaction, if this is still the term of the chain and nobody else has written. Otherwise the
// answer has the leader key and the mark.
func (c *chain) send(ops ...clientv3.Op) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(c.term, c.attempt)
	defer cancel()
	return c.kv.Txn(ctx).If(
		clientv3.Compare(clientv3.CreateRevision(c.keys.leader), "=", c.leader),
		clientv3.Compare(clientv3.ModRevision(c.keys.mark), "=", c.last.revision),
	).Then(ops...).Else(c.look()...).Commit()
}

// look reads what the fate of a commit can be seen from.
func (c *chain) look() []clientv3.Op {
	return []clientv3.Op{clientv3.OpGet(c.keys.leader), clientv3.OpGet(c.keys.mark)}
}

// steady runs ops, which can be repeated, in transactions that leave the mark alone.
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

// ended returns why the term has ended, or nil.
func (c *chain) ended() error {
	if c.term.Err() == nil {
		return nil
	}
	return termEnded(context.Cause(c.term))
}

// termEnded says why a term has ended.
func termEnded(cause error) error {
	if errors.Is(cause, cluster.ErrTermEnded) {
		return cause
	}
	return fmt.Errorf("%w: %w", cluster.ErrTermEnded, cause)
}
