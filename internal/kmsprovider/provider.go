package kmsprovider

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	kms "k8s.io/kms/apis/v2"
)

// Options of a [Provider]. Log is required.
type Options struct {
	Log *slog.Logger
	// Timeout ends a request that the API server gives more time. 0 means [DefaultTimeout].
	Timeout time.Duration
	// Interval is the time between two checks. 0 means [DefaultInterval].
	Interval time.Duration

	// Clock tells the time. Nil means [time.Now].
	Clock func() time.Time
	// After is when the next check is due. Nil means [time.After].
	After func(time.Duration) <-chan time.Time
}

// DefaultTimeout is more than the 3 seconds that the API server gives a request if its configuration says nothing.
const DefaultTimeout = 10 * time.Second

// A Provider serves the KMS v2 API for one key.
type Provider struct {
	kms.UnimplementedKeyManagementServiceServer
	backend Backend
	options Options
	board   *board
	metrics *metrics
	// failures keeps the log short when the API server asks for a thousand objects that do not open.
	failures *rate.Limiter
	// running has a slot for each request that may call the backend at the same time.
	running chan struct{}
}

// New returns a provider that has not checked its key yet.
func New(backend Backend, o Options) *Provider {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Interval <= 0 {
		o.Interval = DefaultInterval
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	return &Provider{
		backend: backend, options: o, board: newBoard(), metrics: newMetrics(),
		failures: rate.NewLimiter(1, 10), running: make(chan struct{}, maxRunning),
	}
}

const (
	apiVersion = "v2"
	healthy    = "ok"
)

// Status implements the API. It never waits.
func (p *Provider) Status(context.Context, *kms.StatusRequest) (*kms.StatusResponse, error) {
	keyID, problem := p.board.show()
	if problem != "" {
		return &kms.StatusResponse{Version: apiVersion, Healthz: problem}, nil
	}
	return &kms.StatusResponse{Version: apiVersion, Healthz: healthy, KeyId: keyID}, nil
}

// Encrypt implements the API.
func (p *Provider) Encrypt(ctx context.Context, r *kms.EncryptRequest) (*kms.EncryptResponse, error) {
	if err := checkPlaintext(r.Plaintext); err != nil {
		return nil, err
	}
	asked := p.board.ask()
	made, err := p.backend.Encrypt(ctx, r.Plaintext)
	if err != nil {
		return nil, err
	}
	if err := checkSealed(made, codes.Internal); err != nil {
		return nil, err
	}
	if err := p.readBack(ctx, made, r.Plaintext); err != nil {
		return nil, fmt.Errorf("what was encrypted does not open, so it is not stored: %w", err)
	}
	p.note(asked, made.KeyID)
	return &kms.EncryptResponse{Ciphertext: made.Ciphertext, KeyId: made.KeyID, Annotations: annotations()}, nil
}

// readBack returns an error unless made opens to plaintext.
func (p *Provider) readBack(ctx context.Context, made Sealed, plaintext []byte) error {
	opened, err := p.backend.Decrypt(ctx, made)
	if err != nil {
		return err
	}
	defer clear(opened)
	if subtle.ConstantTimeCompare(opened, plaintext) != 1 {
		return &Refusal{codes.Internal, "it opens to something else"}
	}
	return nil
}

// Decrypt implements the API.
func (p *Provider) Decrypt(ctx context.Context, r *kms.DecryptRequest) (*kms.DecryptResponse, error) {
	s := Sealed{Ciphertext: r.Ciphertext, KeyID: r.KeyId}
	if err := checkSealed(s, codes.InvalidArgument); err != nil {
		return nil, err
	}
	if err := checkAnnotations(r.Annotations); err != nil {
		return nil, err
	}
	plaintext, err := p.backend.Decrypt(ctx, s)
	if err != nil {
		return nil, err
	}
	return &kms.DecryptResponse{Plaintext: plaintext}, nil
}

// TryOut checks all keys, encrypts something with the one that encrypts, and decrypts that. It returns the key id.
func (p *Provider) TryOut(ctx context.Context) (keyID string, err error) {
	if err := p.Check(ctx); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	if err := p.backend.CheckPrevious(ctx); err != nil {
		return "", err
	}
	made, err := p.Encrypt(ctx, &kms.EncryptRequest{Plaintext: []byte("does it work?")})
	if err != nil {
		return "", err
	}
	return made.KeyId, nil
}
