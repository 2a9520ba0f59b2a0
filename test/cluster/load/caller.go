package load

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
)

// noProxy keeps proxies of the environment out.
func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// A caller sends one request after another, to nodes at random, and knows what it may conclude from each.
type caller struct {
	number int
	site   *Site
	// clients are one for each node.
	clients  []*client.Client
	recorder *history.Recorder
	random   *rand.Rand
}

func newCaller(s *Site, r *history.Recorder, random *rand.Rand) caller {
	own := rand.New(rand.NewPCG(random.Uint64(), random.Uint64()))
	return caller{number: s.newCaller(), site: s, clients: s.clients, recorder: r, random: own}
}

// again returns another caller like c.
func (c *caller) again() *caller {
	another := newCaller(c.site, c.recorder, c.random)
	another.clients = c.clients
	return &another
}

// call sends a request, and completes its event. ok is false if it had no outcome: see [outcome].
func (c *caller) call(ctx context.Context, e history.Event, r kmsapi.Request) (got history.Event, ok bool) {
	got, _, ok = c.callFor(ctx, e, r)
	return got, ok
}

// callFor is call that returns the answer too, or nil if the request is not done.
func (c *caller) callFor(
	ctx context.Context, e history.Event, r kmsapi.Request,
) (got history.Event, answer kmsapi.Response, ok bool) {
	e.Caller, e.Node, e.Op = c.number, c.random.IntN(len(c.clients)), r.Operation()
	e.Call = c.recorder.Now()
	answer, err := c.clients[e.Node].Do(ctx, r)
	e.Return = c.recorder.Now()
	if e.Outcome, e.Code, ok = outcome(err); !ok {
		return e, nil, false
	}
	switch e.Outcome {
	case history.Refused:
		return e, nil, true
	case history.Unknown:
		e.Return = history.Never
		return e, nil, true
	case history.Done:
		e.Seen = seen(answer)
		if e.Op == kmsapi.OpCreateKey {
			e.Key = e.Seen.Key
		}
	}
	return e, answer, true
}

// seen is what an answer says.
func seen(answer kmsapi.Response) (s history.Seen) {
	switch a := answer.(type) {
	case *kmsapi.CreateKeyResponse:
		s.Key, s.Version = a.KeyMetadata.KeyId, a.KeyMetadata.PrimaryKeyVersion
	case *kmsapi.DescribeKeyResponse:
		s.Key, s.Version, s.State = a.KeyMetadata.KeyId, a.KeyMetadata.PrimaryKeyVersion, a.KeyMetadata.KeyState
	case *kmsapi.EncryptResponse:
		s.Key, s.Version = a.KeyId, a.KeyVersionId
	case *kmsapi.DecryptResponse:
		s.Key, s.Version = a.KeyId, a.KeyVersionId
	case *kmsapi.CreateKeyVersionResponse:
		s.Key, s.Version = a.KeyVersion.KeyId, a.KeyVersion.KeyVersionId
	case *kmsapi.ListKeyVersionsResponse:
		s.Versions = []string{}
		for _, v := range a.KeyVersions.KeyVersion {
			s.Versions = append(s.Versions, v.KeyVersionId)
		}
	case *kmsapi.ListAliasesByKeyIdResponse:
		s.Aliases = []string{}
		for _, v := range a.Aliases.Alias {
			s.Aliases = append(s.Aliases, v.AliasName)
		}
		slices.Sort(s.Aliases)
	}
	return s
}
