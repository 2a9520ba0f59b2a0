package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
)

// fixedKeys are one key, without KMS.
type fixedKeys struct{}

func (fixedKeys) Generate(context.Context, Contexts) (*[envelope.KeySize]byte, []byte, error) {
	return &[envelope.KeySize]byte{7}, []byte("wrapped"), nil
}

func (fixedKeys) Unwrap(_ context.Context, wrapped []byte, _ Contexts) (*[envelope.KeySize]byte, error) {
	if string(wrapped) != "wrapped" {
		return nil, errors.New("it was not wrapped here")
	}
	return &[envelope.KeySize]byte{7}, nil
}

func (fixedKeys) OpenText(context.Context, string, Contexts) ([]byte, error) { panic("no text") }

// zeros counts zeros, and whatever else was written.
type zeros struct{ n, others int64 }

func (z *zeros) Write(p []byte) (int, error) {
	z.n += int64(len(p))
	z.others += int64(len(p) - bytes.Count(p, []byte{0}))
	return len(p), nil
}

// All that is allocated while 256 MiB go through both ends counts, whether or not it is freed again.
func TestAPipeNeedsConstantMemory(t *testing.T) {
	const size = 256 << 20
	from, to := io.Pipe()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		plain := io.LimitReader(zeroReader{}, size)
		_ = to.CloseWithError(Encrypt(context.Background(), to, plain, fixedKeys{}, Contexts{}))
	}()
	var got zeros
	require.NoError(t, Decrypt(t.Context(), &got, from, fixedKeys{}, Contexts{}))
	runtime.ReadMemStats(&after)
	require.EqualValues(t, size, got.n)
	require.Zero(t, got.others)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d MiB took %d KiB of memory", size>>20, allocated>>10)
	require.Less(t, allocated, uint64(2<<20))
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestACancelledContextEndsBothWhileAPipeIsSilent(t *testing.T) {
	cause := errors.New("stopped")
	for name, work := range map[string]func(context.Context, io.Writer, io.Reader) error{
		"encrypt": func(ctx context.Context, w io.Writer, r io.Reader) error {
			return Encrypt(ctx, w, r, fixedKeys{}, Contexts{})
		},
		"decrypt": func(ctx context.Context, w io.Writer, r io.Reader) error {
			return Decrypt(ctx, w, r, fixedKeys{}, Contexts{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			silent, writer, err := os.Pipe()
			require.NoError(t, err)
			defer silent.Close()
			defer writer.Close()
			var file bytes.Buffer
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- work(ctx, &file, silent) }()
			cancel(cause)
			select {
			case err := <-ended:
				require.ErrorIs(t, err, cause)
			case <-time.After(time.Minute):
				t.Fatal("it still waits")
			}
			opened := Decrypt(t.Context(), io.Discard, &file, fixedKeys{}, Contexts{})
			require.Error(t, opened, "what was written does not open")
		})
	}
}

var errDisk = errors.New("the disk is broken")

func TestAPlaintextThatBreaksOffMakesNoFileThatOpens(t *testing.T) {
	for _, n := range []int{0, 10, 65536, 100_000} {
		var file, got bytes.Buffer
		broken := io.MultiReader(bytes.NewReader(dawn(n)), iotest.ErrReader(errDisk))
		require.ErrorIs(t, Encrypt(t.Context(), &file, broken, fixedKeys{}, Contexts{}), errDisk)
		require.ErrorIs(t, Decrypt(t.Context(), &got, &file, fixedKeys{}, Contexts{}), envelope.ErrOpen)
		require.True(t, bytes.HasPrefix(dawn(n), got.Bytes()))
	}
}

func TestFaultsOfBothEndsAreReturned(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, Encrypt(t.Context(), &file, bytes.NewReader(dawn(200_000)), fixedKeys{}, Contexts{}))
	for _, n := range []int{0, 3, 70, 200, 100_000} {
		broken := io.MultiReader(bytes.NewReader(file.Bytes()[:n]), iotest.ErrReader(errDisk))
		require.ErrorIs(t, Decrypt(t.Context(), io.Discard, broken, fixedKeys{}, Contexts{}), errDisk, "after %d bytes", n)
	}
	full := &fullDisk{}
	require.ErrorIs(t, Decrypt(t.Context(), full, bytes.NewReader(file.Bytes()), fixedKeys{}, Contexts{}), errDisk)
	require.ErrorIs(t, Encrypt(t.Context(), full, bytes.NewReader(dawn(10)), fixedKeys{}, Contexts{}), errDisk)
}

type fullDisk struct{}

func (*fullDisk) Write([]byte) (int, error) { return 0, errDisk }
