package files

import (
	"context"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
)

// Encrypt writes to w the encrypted file of what r has, in constant memory. What it has written when it fails does not
// open.
func Encrypt(ctx context.Context, w io.Writer, r io.Reader, keys Keys, c Contexts) error {
	if err := c.checkFile(); err != nil {
		return err
	}
	secret, wrapped, err := keys.Generate(ctx, c)
	if err != nil {
		return err
	}
	key := newKey(secret)
	defer key.Clear()
	sealed, err := envelope.NewWriter(w, key, wrapped, c.Entries)
	if err != nil {
		return err
	}
	plain, stop := interruptible(ctx, r)
	defer stop()
	if _, err := io.Copy(sealed, plain); err != nil {
		sealed.Abandon()
		return err
	}
	return sealed.Close()
}
