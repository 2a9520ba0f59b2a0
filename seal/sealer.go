package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ErrOtherKey is returned by Decrypt for a blob of a CMK that previous_kms_key_ids does not allow.
var ErrOtherKey = errors.New("the KMS key that sealed the data is neither kms_key_id nor in previous_kms_key_ids")

// checkSealer decides about a blob that KMS, according to its answer, opened with the CMK called id. KMS opens blobs of
// every CMK that the RAM policy allows, so anyone that may use another CMK and write to the server's storage could
// replace the keys that unseal the server. Unless previous_kms_key_ids is set, such a CMK is only reported, once.
func (c *connection) checkSealer(ctx context.Context, id string) error {
	if c.expects(id) {
		return nil
	}
	if _, known := c.warned.Load(id); known && !c.config.restricted {
		return nil
	}
	moved, err := c.followAlias(ctx)
	switch {
	case moved && c.expects(id):
		return nil
	case c.config.restricted && err != nil:
		return err
	case c.config.restricted:
		return fmt.Errorf("%w: it is %s; if the server's data was sealed with it, add it to previous_kms_key_ids", ErrOtherKey, id)
	}
	if _, again := c.warned.LoadOrStore(id, true); !again {
		c.warn("a blob was sealed by a KMS key that is neither kms_key_id nor in previous_kms_key_ids; if that is right, add it there",
			"key_id", id, "kms_key_id", c.config.keyID)
	}
	return nil
}

// expects reports whether id is the configured CMK, the one that encrypted last, or in previous_kms_key_ids.
func (c *connection) expects(id string) bool {
	current := c.current.Load()
	return id == c.config.keyID || current != nil && id == *current || slices.Contains(c.config.previous, id)
}

// followAlias asks KMS which CMK the configured alias points to, since another node may have sealed with a new one.
func (c *connection) followAlias(ctx context.Context) (asked bool, err error) {
	if !strings.HasPrefix(c.config.keyID, kmsapi.AliasPrefix) {
		return false, nil
	}
	return true, c.findKey(ctx)
}
