package envelope

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	fileLabel = "alicloudkms file v1\x00"
	// chunkSize is how many bytes of plaintext a chunk has, unless it is the last one.
	chunkSize   = 64 << 10
	sealedChunk = chunkSize + xaes.Overhead
)

// chunks is the cipher of a file's chunks, and the position in the file.
type chunks struct {
	cipher     xaes.GCM
	additional []byte
	next       uint64
}

// nonce returns the nonce of the next chunk, and counts the chunk. No file has 2⁶⁴ chunks.
func (c *chunks) nonce(last bool) []byte {
	n := binary.BigEndian.AppendUint64(make([]byte, 3, 12), c.next)
	c.next++
	if last {
		return append(n, 1)
	}
	return append(n, 0)
}

// A Writer encrypts a file. Close writes its last chunk; a file without it does not open.
type Writer struct {
	to     io.Writer
	chunks chunks
	// plain holds what has been written and not encrypted, at most one chunk: only what follows shows whether a full
	// chunk is the last one.
	plain  []byte
	sealed []byte
	err    error
}

// NewWriter writes the header of a file to w, and returns a Writer for the rest. k is the file's own data key, wrapped
// is that key as KMS wrapped it, of 1 to [MaxWrapped] bytes, and contexts are bound to the file. After NewWriter has
// returned the caller may clear k.
func NewWriter(w io.Writer, k *Key, wrapped []byte, contexts kmsapi.EncryptionContext) (*Writer, error) {
	nonce := newNonce()
	return newWriter(w, k, wrapped, nonce[:], contexts)
}

func newWriter(w io.Writer, k *Key, wrapped, nonce []byte, contexts kmsapi.EncryptionContext) (*Writer, error) {
	header := Header{Wrapped: wrapped}.append(nil, fileFlags)
	additional := additionalData(fileLabel, header, contexts)
	commitment := k.cipher.Commitment(nonce)
	if _, err := w.Write(append(append(header, nonce...), commitment[:]...)); err != nil {
		return nil, err
	}
	return &Writer{
		to: w, chunks: chunks{cipher: k.cipher.Derive(nonce), additional: additional},
		plain: make([]byte, 0, chunkSize), sealed: make([]byte, 0, sealedChunk),
	}, nil
}

// ErrClosed is the error of a Writer that is used after Close.
var ErrClosed = errors.New("the file is closed")

// Write encrypts p. After an error nothing more can be written.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		if len(w.plain) == chunkSize {
			w.flush(false)
			continue
		}
		room := min(len(p), chunkSize-len(w.plain))
		w.plain = append(w.plain, p[:room]...)
		p, n = p[room:], n+room
	}
	return n, w.err
}

// Close writes the last chunk and erases the file's key. It does not close the writer below.
func (w *Writer) Close() error {
	if errors.Is(w.err, ErrClosed) {
		return nil
	}
	if w.err == nil {
		w.flush(true)
	}
	err := w.err
	w.Abandon()
	return err
}

// Abandon erases the file's key without writing the last chunk, so that the file does not open. It is for a plaintext
// that could not be read to its end.
func (w *Writer) Abandon() {
	if !errors.Is(w.err, ErrClosed) {
		w.chunks.cipher.Clear()
		clear(w.plain[:cap(w.plain)])
		w.err = ErrClosed
	}
}

func (w *Writer) flush(last bool) {
	w.sealed = w.chunks.cipher.Seal(w.sealed[:0], w.chunks.nonce(last), w.plain, w.chunks.additional)
	w.plain = w.plain[:0]
	_, w.err = w.to.Write(w.sealed)
}

// A File is a file whose header was read. Nothing of it is authenticated yet.
type File struct {
	// Wrapped is the file's data key as KMS wrapped it.
	Wrapped []byte

	from                      *bufio.Reader
	header, nonce, commitment []byte
}

// NewFile reads the header of a file. Errors: [ErrNotEnvelope], [ErrMalformed], and those of r.
func NewFile(r io.Reader) (*File, error) {
	from := bufio.NewReaderSize(r, sealedChunk+1)
	start, err := from.Peek(headerSize + MaxWrapped + xaes.NonceSize + xaes.CommitmentSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	h, header, err := parseHeader(start, fileFlags)
	if err != nil {
		return nil, err
	}
	f := &File{from: from, header: append([]byte(nil), header...)}
	f.Wrapped = f.header[headerSize : headerSize+len(h.Wrapped)]
	rest := start[len(header):]
	if len(rest) < xaes.NonceSize+xaes.CommitmentSize {
		return nil, ErrMalformed
	}
	f.nonce = append(f.nonce, rest[:xaes.NonceSize]...)
	f.commitment = append(f.commitment, rest[xaes.NonceSize:][:xaes.CommitmentSize]...)
	_, err = from.Discard(len(header) + xaes.NonceSize + xaes.CommitmentSize)
	return f, err
}

// Open returns a reader of the plaintext. k is the file's data key, which the caller may clear afterwards. Its only
// error is [ErrOpen]. The reader must be closed.
func (f *File) Open(k *Key, contexts kmsapi.EncryptionContext) (*Reader, error) {
	if !k.committed(f.nonce, f.commitment) {
		return nil, ErrOpen
	}
	return &Reader{
		from:   f.from,
		chunks: chunks{cipher: k.cipher.Derive(f.nonce), additional: additionalData(fileLabel, f.header, contexts)},
		sealed: make([]byte, sealedChunk), plain: make([]byte, 0, chunkSize),
	}, nil
}

// A Reader decrypts a file. It returns only authenticated plaintext. Only [io.EOF] shows that nothing is missing at its
// end.
type Reader struct {
	from   *bufio.Reader
	chunks chunks
	sealed []byte
	plain  []byte // the chunk's plaintext
	unread []byte // the part of it that was not returned yet
	err    error
}

// Read returns the plaintext, then [io.EOF]. Errors: [ErrOpen], if the file was altered, cut or extended, and those of
// the reader below.
func (r *Reader) Read(p []byte) (n int, err error) {
	for len(r.unread) == 0 && r.err == nil {
		r.nextChunk()
	}
	if len(r.unread) == 0 {
		return 0, r.err
	}
	n = copy(p, r.unread)
	r.unread = r.unread[n:]
	return n, nil
}

// nextChunk opens a chunk. After the last one, r.err is io.EOF.
func (r *Reader) nextChunk() {
	n, err := io.ReadFull(r.from, r.sealed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		r.err = err
		return
	}
	_, err = r.from.Peek(1)
	last := errors.Is(err, io.EOF)
	if err != nil && !last {
		r.err = err
		return
	}
	// Only an empty file has an empty chunk.
	if n < xaes.Overhead || (n == xaes.Overhead && r.chunks.next > 0) {
		r.err = ErrOpen
		return
	}
	plain, err := r.chunks.cipher.Open(r.plain[:0], r.chunks.nonce(last), r.sealed[:n], r.chunks.additional)
	if err != nil {
		r.err = ErrOpen
		return
	}
	r.plain, r.unread = plain, plain
	if last {
		r.err = io.EOF
	}
}

// Close erases the file's key and what is left of the plaintext.
func (r *Reader) Close() error {
	if !errors.Is(r.err, ErrClosed) {
		r.chunks.cipher.Clear()
		clear(r.plain[:cap(r.plain)])
		r.unread, r.err = nil, ErrClosed
	}
	return nil
}
