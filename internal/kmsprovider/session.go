package kmsprovider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/sync/singleflight"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
)

// A Session calls Vault, and keeps its token alive.
type Session struct {
	client *api.Client
	login  Login
	clock  func() time.Time

	// renewing is the one fetch or renewal of a token that may be under way.
	renewing singleflight.Group
	// mu guards the fields below. It is not held during calls.
	mu sync.Mutex
	// due is when the token should be renewed. The zero time means now.
	due time.Time
	// renewable says that Vault may extend the token.
	renewable bool
	// patient is the time until which a refused request does not make the session get another token: the refusal may be
	// permanent.
	patient time.Time
}

// NewSession returns a session that gets its tokens by login. It makes no calls. The client has the address of Vault
// and belongs to the session from now on. A nil clock means [time.Now].
func NewSession(c *api.Client, login Login, clock func() time.Time) *Session {
	if clock == nil {
		clock = time.Now
	}
	if _, given := login.(GivenToken); !given {
		c.SetToken("") // The environment's token is for other programs.
	}
	return &Session{client: c, login: login, clock: clock}
}

// Keep gets a token if there is none, and renews it if a third of its life or less is left.
func (s *Session) Keep(ctx context.Context) error {
	s.mu.Lock()
	due := !s.clock().Before(s.due)
	s.mu.Unlock()
	if !due {
		return nil
	}
	return s.once(ctx, s.renew)
}

// once runs change, unless a change of the token is already under way. It waits no longer than ctx allows.
func (s *Session) once(ctx context.Context, change func(context.Context) error) error {
	done := s.renewing.DoChan("token", func() (any, error) {
		// The others that wait must not fail because the first of them gives up.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		return nil, change(limited)
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew extends the token, or else gets another.
func (s *Session) renew(ctx context.Context) error {
	s.mu.Lock()
	renewable := s.renewable
	s.mu.Unlock()
	if renewable {
		if answer, err := s.client.Auth().Token().RenewSelfWithContext(ctx, 0); err == nil && answer != nil {
			s.took(answer.Auth)
			return nil
		}
	}
	return s.replace(ctx)
}

// replace gets another token.
func (s *Session) replace(ctx context.Context) error {
	auth, err := s.login.token(ctx, s.client)
	if err != nil {
		return err
	}
	s.client.SetToken(auth.ClientToken)
	s.took(auth)
	return nil
}

// took records how long a token lives. One without an end is kept until Vault refuses it.
func (s *Session) took(auth *api.SecretAuth) {
	const forGood = 365 * 24 * time.Hour
	life := time.Duration(auth.LeaseDuration) * time.Second
	if life == 0 {
		life = forGood
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewable = auth.Renewable
	s.due = s.clock().Add(life * 2 / 3)
}

// do runs a request to a path and decodes its answer. If Vault refuses the token, it tries once more with another.
func (s *Session) do(
	ctx context.Context, path string, answer any, request func(context.Context, *api.Logical) (*api.Secret, error),
) error {
	used := s.client.Token()
	if used == "" {
		if err := s.Keep(ctx); err != nil {
			return err
		}
	}
	secret, err := request(ctx, s.client.Logical())
	if isForbidden(err) {
		replaced, failure := s.another(ctx, used)
		if failure != nil {
			return fmt.Errorf("%w; and there is no other token: %w", vaultkey.Explain(path, err), failure)
		}
		if replaced {
			secret, err = request(ctx, s.client.Logical())
		}
	}
	if err != nil {
		return vaultkey.Explain(path, err)
	}
	return decode(secret, path, answer)
}

func isForbidden(err error) bool {
	refused, ok := errors.AsType[*api.ResponseError](err)
	return ok && refused.StatusCode == http.StatusForbidden
}

// patience is the time between two attempts to get another token because of a refusal.
const patience = 10 * time.Second

// another gets a token other than the one that was used, and reports whether there is one.
func (s *Session) another(ctx context.Context, used string) (bool, error) {
	if s.client.Token() == used {
		// A request that comes while the token is fetched waits for it, so patience is checked inside.
		err := s.once(ctx, func(ctx context.Context) error {
			if s.client.Token() != used || !s.mayReplace() {
				return nil
			}
			return s.replace(ctx)
		})
		if err != nil {
			return false, err
		}
	}
	return s.client.Token() != used, nil
}

func (s *Session) mayReplace() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if now.Before(s.patient) {
		return false
	}
	s.patient = now.Add(patience)
	return true
}

// decode fills answer with what Vault answered. If that is nil, there is nothing at the path, which is an error.
func decode(secret *api.Secret, path string, answer any) error {
	if secret == nil {
		nothing := &api.ResponseError{StatusCode: http.StatusNotFound, Errors: []string{"there is nothing at this path"}}
		return &vaultkey.Refusal{Path: path, Err: nothing}
	}
	encoded, err := json.Marshal(secret.Data)
	if err != nil {
		return err
	}
	defer clear(encoded)
	return json.Unmarshal(encoded, answer)
}
