package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Causes of the end of a term that can't write.
var (
	errDeposed   = errors.New("another node has taken over")
	errForeign   = errors.New("something else has written to the store")
	errUndecided = errors.New("the outcome of a commit could not be found out within a lease")
)

// question asks what became of a commit whose answer was not the expected one.
type question struct {
	*chain
	// value is the mark that the commit sets; empty if it sets none.
	value string
	// others are the marks of the commits that were tried in its place.
	others []string
}

// verdict is an answer to the question.
type verdict int

const (
	// open is a commit that has not happened, but still may if its transaction is under way.
	open verdict = iota
	happened
	never
)

// judge answers the question from the leader key and the mark.
func (q *question) judge(answer *clientv3.TxnResponse) (verdict, error) {
	leader := answer.Responses[0].GetResponseRange().GetKvs()
	var now mark
	if kvs := answer.Responses[1].GetResponseRange().GetKvs(); len(kvs) > 0 {
		now = mark{string(kvs[0].Value), kvs[0].ModRevision}
	}
	moved := now.revision != q.last.revision
	switch {
	case moved && q.value != "" && now.value == q.value:
		q.advanceTo(now)
		return happened, nil
	case len(leader) == 0 || leader[0].CreateRevision != q.leader:
		return open, termEnded(errDeposed)
	case !moved:
		return open, nil
	}
	for _, other := range q.others {
		if now.value == other {
			q.advanceTo(now)
			return never, nil
		}
	}
	return open, termEnded(errForeign)
}

// decide finds out what became of a commit that was not answered, by committing something else in its place: once one
// of the two has happened, the other never will.
func (q *question) decide() (committed bool, err error) {
	for p := q.patiently(); p.more(); {
		other := newID()
		q.others = append(q.others, other)
		answer, err := q.send(clientv3.OpPut(q.keys.mark, other))
		switch {
		case err == nil && answer.Succeeded:
			q.advanceTo(mark{other, answer.Header.Revision})
			return false, nil
		case err != nil && processed(err):
			answer, err = q.lookUp()
		}
		if err != nil {
			continue
		}
		if v, err := q.judge(answer); v != open || err != nil {
			return v == happened, err
		}
	}
	if err := q.ended(); err != nil {
		return false, err
	}
	return false, termEnded(errUndecided)
}

// afterRefusal finds out what became of a commit that etcd answered with an error. It is no longer under way, so
// looking is enough. Looking is necessary too, since etcd applies the transaction that fills its quota and yet answers
// it with NOSPACE.
func (q *question) afterRefusal(refusal error) (committed bool, err error) {
	for p := q.patiently(); p.more(); {
		answer, err := q.lookUp()
		if err != nil {
			continue
		}
		v, err := q.judge(answer)
		if err == nil && v == open {
			err = fmt.Errorf("%w: %w", store.ErrUnavailable, refusal)
		}
		return v == happened, err
	}
	if err := q.ended(); err != nil {
		return false, err
	}
	return false, termEnded(errUndecided)
}

// lookUp reads the leader key and the mark for judge.
func (q *question) lookUp() (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(q.term, q.attempt)
	defer cancel()
	return q.kv.Txn(ctx).Then(q.look()...).Commit()
}

// processed reports whether err is etcd's own answer to a request, which is therefore no longer under way. It may still
// have been applied.
func processed(err error) bool {
	switch code(err) {
	case codes.InvalidArgument, codes.ResourceExhausted, codes.PermissionDenied, codes.Unauthenticated,
		codes.FailedPrecondition, codes.OutOfRange, codes.NotFound, codes.Unimplemented:
		return true
	default:
		return false
	}
}

// code returns the status code of an error of etcd's client.
func code(err error) codes.Code {
	if refusal, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return refusal.Code()
	}
	return status.Code(err)
}

// patiently returns a loop that ends with the term, or after c.patience.
func (c *chain) patiently() *rounds { return &rounds{ctx: c.term, until: time.Now().Add(c.patience)} }
