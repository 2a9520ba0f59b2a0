package clients

import (
	"context"
	"testing"

	"github.com/hashicorp/vault/api"
	openbao "github.com/openbao/openbao/api/v2"
	"github.com/stretchr/testify/require"
)

// caller is a Go client. The data of an answer is nil if there is none.
type caller interface {
	read(ctx context.Context, path string) (data map[string]any, err error)
	list(ctx context.Context, path string) (data map[string]any, err error)
	write(ctx context.Context, path string, fields map[string]any) (data map[string]any, err error)
	writeBytes(ctx context.Context, path, body string) (data map[string]any, err error)
	patch(ctx context.Context, path string, fields map[string]any) (data map[string]any, err error)
	delete(ctx context.Context, path string) error
}

// logical is what the clients of Vault and OpenBao have in common except for the type of their answers.
type logical[Secret any] interface {
	ReadWithContext(ctx context.Context, path string) (*Secret, error)
	ListWithContext(ctx context.Context, path string) (*Secret, error)
	WriteWithContext(ctx context.Context, path string, fields map[string]any) (*Secret, error)
	WriteBytesWithContext(ctx context.Context, path string, body []byte) (*Secret, error)
	JSONMergePatch(ctx context.Context, path string, fields map[string]any) (*Secret, error)
	DeleteWithContext(ctx context.Context, path string) (*Secret, error)
}

// goClient makes a caller of a client. dataOf returns the data of an answer.
type goClient[Secret any] struct {
	logical logical[Secret]
	dataOf  func(*Secret) map[string]any
}

func (c goClient[Secret]) answer(secret *Secret, err error) (map[string]any, error) {
	if secret == nil {
		return nil, err
	}
	return c.dataOf(secret), err
}

func (c goClient[Secret]) read(ctx context.Context, path string) (map[string]any, error) {
	return c.answer(c.logical.ReadWithContext(ctx, path))
}

func (c goClient[Secret]) list(ctx context.Context, path string) (map[string]any, error) {
	return c.answer(c.logical.ListWithContext(ctx, path))
}

func (c goClient[Secret]) write(ctx context.Context, path string, fields map[string]any) (map[string]any, error) {
	return c.answer(c.logical.WriteWithContext(ctx, path, fields))
}

func (c goClient[Secret]) writeBytes(ctx context.Context, path, body string) (map[string]any, error) {
	return c.answer(c.logical.WriteBytesWithContext(ctx, path, []byte(body)))
}

func (c goClient[Secret]) patch(ctx context.Context, path string, fields map[string]any) (map[string]any, error) {
	return c.answer(c.logical.JSONMergePatch(ctx, path, fields))
}

func (c goClient[Secret]) delete(ctx context.Context, path string) error {
	_, err := c.logical.DeleteWithContext(ctx, path)
	return err
}

// onEachClient runs test with Vault's own client and with OpenBao's, on every server.
func onEachClient(t *testing.T, test func(t *testing.T, c caller)) {
	t.Helper()
	onEach(t, func(t *testing.T, s *server) {
		t.Run("with Vault's client", func(t *testing.T) {
			test(t, goClient[api.Secret]{s.client.Logical(), func(a *api.Secret) map[string]any { return a.Data }})
		})
		t.Run("with OpenBao's client", func(t *testing.T) {
			test(t, goClient[openbao.Secret]{s.openBao(t), func(a *openbao.Secret) map[string]any { return a.Data }})
		})
	})
}

// openBao is OpenBao's client for the server.
func (s *server) openBao(t *testing.T) *openbao.Logical {
	t.Helper()
	config := openbao.DefaultConfig()
	config.Address = s.address
	client, err := openbao.NewClient(config)
	require.NoError(t, err)
	client.SetToken(s.client.Token())
	return client.Logical()
}
