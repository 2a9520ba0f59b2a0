package files

import (
	"bytes"
	"context"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// entries are the entries of an encryption context.
type entries = kmsapi.EncryptionContext

// A desk is where a user encrypts and decrypts with a KMS key.
type desk struct {
	t     *testing.T
	kms   *kmstest.KMS
	keyID string
	keys  *KMS
	// opened are the KMS keys that were used to decrypt without being asked for.
	opened []string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, kms: kmstest.New(t)}
	c, err := client.New(d.kms.ClientConfig())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	made, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	d.keyID = made.KeyMetadata.KeyId
	d.keys = &KMS{
		Client: c, Timeout: time.Minute, KeyID: d.keyID,
		Opened: func(id string) { d.opened = append(d.opened, id) },
	}
	return d
}

// seal encrypts a file.
func (d *desk) seal(keys Keys, plaintext []byte, c Contexts) []byte {
	d.t.Helper()
	var file bytes.Buffer
	require.NoError(d.t, Encrypt(d.t.Context(), &file, bytes.NewReader(plaintext), keys, c))
	return file.Bytes()
}

// open decrypts a file or a ciphertext, and returns what was written even if that fails.
func (d *desk) open(keys Keys, sealed []byte, c Contexts) ([]byte, error) {
	var plaintext bytes.Buffer
	err := Decrypt(context.WithoutCancel(d.t.Context()), &plaintext, bytes.NewReader(sealed), keys, c)
	return plaintext.Bytes(), err
}

// message makes a message as the engine does for a key with this bound context.
func (d *desk) message(version uint32, bound, contexts entries, plaintext string) []byte {
	d.t.Helper()
	id := envelope.ID{1, 2, 3}
	made, err := d.keys.Client.GenerateDataKey(d.t.Context(), &kmsapi.GenerateDataKeyRequest{
		KeyId: d.keyID, EncryptionContext: envelope.DataKeyContext(bound, id, version),
	})
	require.NoError(d.t, err)
	wrapped, err := base64.StdEncoding.DecodeString(made.CiphertextBlob)
	require.NoError(d.t, err)
	secret, err := decodeKey([]byte(made.Plaintext.Reveal()))
	require.NoError(d.t, err)
	key := newKey(secret)
	defer key.Clear()
	return key.AppendMessage(nil, envelope.Header{ID: id, Version: version, Wrapped: wrapped}, contexts, []byte(plaintext))
}

// text is how the engine writes a message.
func text(prefix string, message []byte) []byte {
	return []byte(prefix + base64.StdEncoding.EncodeToString(message))
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
