package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
)

func exampleFile(t *testing.T, plaintext []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, exampleKey(), exampleHeader.Wrapped, exampleContexts)
	require.NoError(t, err)
	// Writes of odd sizes, so that chunks end in the middle of one.
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{bytes.NewReader(plaintext)}, make([]byte, 1000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return file.Bytes()
}

func pattern(n int) []byte {
	return bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
}

func TestFilesOfAllSizesRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 3*chunkSize + 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			file := exampleFile(t, pattern(n))
			require.Len(t, file, headerSize+len(exampleHeader.Wrapped)+xaes.NonceSize+xaes.CommitmentSize+
				n+max(1, (n+chunkSize-1)/chunkSize)*xaes.Overhead)
			plaintext, err := openFile(exampleKey(), file, exampleContexts)
			require.NoError(t, err)
			require.True(t, bytes.Equal(pattern(n), plaintext))
			for name, slow := range map[string]func(io.Reader) io.Reader{
				"a byte at a time": iotest.OneByteReader, "the end with the last bytes": iotest.DataErrReader,
			} {
				f, err := NewFile(slow(bytes.NewReader(file)))
				require.NoError(t, err, name)
				require.Equal(t, exampleHeader.Wrapped, f.Wrapped)
				r, err := f.Open(exampleKey(), exampleContexts)
				require.NoError(t, err, name)
				plaintext, err := io.ReadAll(r)
				require.NoError(t, err, name)
				require.True(t, bytes.Equal(pattern(n), plaintext), name)
			}
		})
	}
}

// chunksOf cuts a file of whole chunks into its beginning and its chunks.
func chunksOf(file []byte) (start []byte, all [][]byte) {
	n := headerSize + len(exampleHeader.Wrapped) + xaes.NonceSize + xaes.CommitmentSize
	start, rest := file[:n], file[n:]
	for len(rest) > 0 {
		chunk := rest[:min(len(rest), sealedChunk)]
		all, rest = append(all, chunk), rest[len(chunk):]
	}
	return start, all
}

func TestAnAlteredFileNeverLooksWhole(t *testing.T) {
	const last = 100
	plaintext := pattern(3*chunkSize + last)
	file := exampleFile(t, plaintext)
	start, c := chunksOf(file)
	require.Len(t, c, 4)
	empty, _ := chunksOf(exampleFile(t, nil))
	_, otherChunks := chunksOf(exampleFile(t, plaintext))
	flipped := func(at int) []byte {
		changed := bytes.Clone(file)
		changed[at] ^= 1
		return changed
	}
	for name, altered := range map[string][]byte{
		"the last chunk is missing":              concat(start, c[0], c[1], c[2]),
		"all chunks are missing":                 start,
		"a chunk in the middle is missing":       concat(start, c[0], c[2], c[3]),
		"two chunks change places":               concat(start, c[1], c[0], c[2], c[3]),
		"a chunk comes twice":                    concat(start, c[0], c[0], c[1], c[2], c[3]),
		"the last chunk comes twice":             concat(file, c[3]),
		"a byte follows":                         append(bytes.Clone(file), 0),
		"another file follows":                   concat(file, file),
		"an empty chunk follows":                 concat(file, make([]byte, xaes.Overhead)),
		"the last byte is missing":               file[:len(file)-1],
		"a cut in the middle of a chunk":         file[:len(start)+sealedChunk+5],
		"a cut in the tag of the last":           file[:len(file)-xaes.Overhead+1],
		"a chunk of another file of the key":     concat(start, otherChunks[0], c[1], c[2], c[3]),
		"the beginning of another file":          concat(empty, c[0], c[1], c[2], c[3]),
		"a bit of the wrapped key":               flipped(headerSize),
		"a bit of the nonce's first half":        flipped(len(start) - xaes.CommitmentSize - xaes.NonceSize),
		"a bit of the nonce's second half":       flipped(len(start) - xaes.CommitmentSize - 1),
		"a bit of the commitment":                flipped(len(start) - 1),
		"a bit of the first chunk":               flipped(len(start)),
		"a bit of the last chunk's tag":          flipped(len(file) - 1),
		"a bit of a chunk in the middle":         flipped(len(start) + sealedChunk + 1000),
		"the last chunk in the place of a whole": concat(start, c[0], c[1], c[3]),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := openFile(exampleKey(), altered, exampleContexts)
			require.ErrorIs(t, err, ErrOpen)
			require.True(t, bytes.HasPrefix(plaintext, got), "what was returned before the fault is authentic")
			require.Less(t, len(got), len(plaintext)+1)
		})
	}
	_, err := openFile(exampleKey(), file, nil)
	require.ErrorIs(t, err, ErrOpen, "other contexts")
	_, err = openFile(NewKey(&[KeySize]byte{8}), file, exampleContexts)
	require.ErrorIs(t, err, ErrOpen, "another key")
}

func TestEveryBitOfAFileCounts(t *testing.T) {
	file := exampleFile(t, []byte("attack at dawn"))
	for at := range file {
		for bit := range 8 {
			changed := bytes.Clone(file)
			changed[at] ^= 1 << bit
			plaintext, err := openFile(exampleKey(), changed, exampleContexts)
			require.Contains(t, refusalsAt(at), err, "bit %d of byte %d", bit, at)
			require.Empty(t, plaintext)
		}
	}
}

func TestHeadersOfFilesThatAreCutAreRefused(t *testing.T) {
	file := exampleFile(t, []byte("text"))
	start, _ := chunksOf(file)
	for n := range start {
		_, err := NewFile(bytes.NewReader(file[:n]))
		if n < 6 {
			require.ErrorIs(t, err, ErrNotEnvelope, "%d bytes", n)
		} else {
			require.ErrorIs(t, err, ErrMalformed, "%d bytes", n)
		}
	}
	for _, at := range []int{6, 25} { // the id and the version, which are zero
		changed := bytes.Clone(file)
		changed[at] = 1
		_, err := NewFile(bytes.NewReader(changed))
		require.ErrorIs(t, err, ErrMalformed)
	}
}

var errDisk = errors.New("the disk is broken")

func TestFaultsOfReadersAndWritersAreReturned(t *testing.T) {
	file := exampleFile(t, pattern(2*chunkSize))
	for _, n := range []int{0, 10, 200, sealedChunk, sealedChunk + 200, len(file) - 1} {
		broken := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(errDisk))
		f, err := NewFile(broken)
		if err == nil {
			var r *Reader
			r, err = f.Open(exampleKey(), exampleContexts)
			require.NoError(t, err)
			_, err = io.ReadAll(r)
		}
		require.ErrorIs(t, err, errDisk, "after %d bytes", n)
	}
	for _, n := range []int{0, 1, 2} {
		w, err := NewWriter(&failing{writes: n}, exampleKey(), exampleHeader.Wrapped, nil)
		if err == nil {
			_, err = w.Write(pattern(3 * chunkSize))
			if closed := w.Close(); err == nil {
				err = closed
			}
			_, after := w.Write([]byte("more"))
			require.ErrorIs(t, after, ErrClosed)
		}
		require.ErrorIs(t, err, errDisk, "after %d writes", n)
	}
}

// failing accepts a few writes, and then fails.
type failing struct{ writes int }

func (f *failing) Write(p []byte) (int, error) {
	if f.writes--; f.writes < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestClosedFilesAreOfNoUse(t *testing.T) {
	f, err := NewFile(bytes.NewReader(exampleFile(t, pattern(10))))
	require.NoError(t, err)
	r, err := f.Open(exampleKey(), exampleContexts)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	_, err = r.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrClosed)

	w, err := NewWriter(io.Discard, exampleKey(), exampleHeader.Wrapped, nil)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, w.Close())
}

func TestAnAbandonedFileDoesNotOpen(t *testing.T) {
	for _, n := range []int{0, 10, chunkSize, 2*chunkSize + 10} {
		var file bytes.Buffer
		w, err := NewWriter(&file, exampleKey(), exampleHeader.Wrapped, nil)
		require.NoError(t, err)
		_, err = w.Write(pattern(n))
		require.NoError(t, err)
		w.Abandon()
		w.Abandon()
		require.NoError(t, w.Close())
		_, err = w.Write([]byte("more"))
		require.ErrorIs(t, err, ErrClosed)
		_, err = openFile(exampleKey(), file.Bytes(), nil)
		require.ErrorIs(t, err, ErrOpen, "%d bytes", n)
	}
}

func FuzzFile(f *testing.F) {
	for _, n := range []int{0, 5, chunkSize} {
		var file bytes.Buffer
		w, err := NewWriter(&file, exampleKey(), exampleHeader.Wrapped, nil)
		require.NoError(f, err)
		_, _ = io.Copy(w, strings.NewReader(string(pattern(n))))
		require.NoError(f, w.Close())
		f.Add(file.Bytes())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		plaintext, err := openFile(exampleKey(), file, nil)
		if err != nil {
			return
		}
		f, err := NewFile(bytes.NewReader(file))
		require.NoError(t, err)
		var again bytes.Buffer
		w, err := newWriter(&again, exampleKey(), f.Wrapped, f.nonce, nil)
		require.NoError(t, err)
		_, _ = w.Write(plaintext)
		require.NoError(t, w.Close())
		require.True(t, bytes.Equal(file, again.Bytes()), "one plaintext and nonce have one file")
	})
}

func BenchmarkWriter(b *testing.B) {
	w, err := NewWriter(io.Discard, exampleKey(), exampleHeader.Wrapped, nil)
	require.NoError(b, err)
	plaintext := make([]byte, chunkSize)
	b.SetBytes(chunkSize)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = w.Write(plaintext)
	}
}
