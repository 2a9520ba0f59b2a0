package files

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

// maxText is more than any ciphertext of the engine has, in bytes: that of 4 MiB, in base64, with its header.
const maxText = 6 << 20

// Errors of what can't be decrypted.
var (
	// ErrNeither means that this package can't decrypt anything of that form.
	ErrNeither = errors.New("it is neither a file of alicloudkms encrypt nor a ciphertext of the engine, which begins with vault:v")
	// ErrEmpty means that there is nothing to decrypt. An encrypted file is never empty.
	ErrEmpty = errors.New("it is empty")
)

// Decrypt writes to w the plaintext of r: of an encrypted file, or of a ciphertext of the engine, of either of its
// modes. What it has written when it fails is authentic, but not complete.
func Decrypt(ctx context.Context, w io.Writer, r io.Reader, keys Keys, c Contexts) error {
	interrupted, stop := interruptible(ctx, r)
	defer stop()
	sealed := bufio.NewReader(interrupted)
	// That is enough for the beginning of a file, and for a ciphertext after a few empty lines.
	start, err := sealed.Peek(64)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case len(start) == 0:
		return ErrEmpty
	case envelope.IsFile(start):
		return decryptFile(ctx, w, sealed, keys, c)
	case bytes.HasPrefix(bytes.TrimSpace(start), []byte("vault:v")):
		return decryptText(ctx, w, sealed, keys, c)
	default:
		return ErrNeither
	}
}

func decryptFile(ctx context.Context, w io.Writer, r io.Reader, keys Keys, c Contexts) error {
	if err := c.checkFile(); err != nil {
		return err
	}
	file, err := envelope.NewFile(r)
	if err != nil {
		return err
	}
	secret, err := keys.Unwrap(ctx, file.Wrapped, c)
	if err != nil {
		return err
	}
	key := newKey(secret)
	defer key.Clear()
	plain, err := file.Open(key, c.Entries)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, plain)
	return errors.Join(err, plain.Close())
}

func decryptText(ctx context.Context, w io.Writer, r io.Reader, keys Keys, c Contexts) error {
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil {
		return err
	}
	if len(text) > maxText {
		return fmt.Errorf("it is longer than any ciphertext of the engine, which has at most %d bytes", maxText)
	}
	ciphertext := input.Unfold(string(text))
	if number, _, err := versions.Split(ciphertext); err != nil || number == 0 {
		return ErrNeither
	}
	plaintext, err := keys.OpenText(ctx, ciphertext, c)
	if err != nil {
		return err
	}
	defer clear(plaintext)
	_, err = w.Write(plaintext)
	return err
}
