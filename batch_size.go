package alicloudkms

import (
	"encoding/json"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// Roughly the memory that the parts of a batch take besides the bytes of their strings.
const (
	mapSize   = 512
	valueSize = 16
)

// sizeOf returns about how many bytes a decoded JSON value takes.
func sizeOf(value any) (n int64) {
	switch value := value.(type) {
	case string:
		return valueSize + int64(len(value))
	case json.Number:
		return valueSize + int64(len(value))
	case []any:
		for _, item := range value {
			n += sizeOf(item)
		}
		return valueSize + n
	case map[string]any:
		for name, item := range value {
			n += valueSize + int64(len(name)) + sizeOf(item)
		}
		return mapSize + n
	default:
		return valueSize
	}
}

// smallItem is the size, in bytes of base64, up to which an item needs no reservation. What KMS encrypts is smaller.
const smallItem = 64 << 10

// admitItem is admit for a request with one item, which is large only in envelope mode.
func (b *backend) admitItem(d *framework.FieldData) (release func(), err error) {
	size := int64(0)
	for _, field := range []string{"plaintext", "ciphertext", "input"} {
		given, _ := d.Raw[field].(string)
		size += int64(len(given))
	}
	if size <= smallItem {
		return func() {}, nil
	}
	return b.takeRoom(size)
}

// admit reserves memory for a batch until release is called, if there is enough. Without a bound, the batches of one
// caller could use up the memory of all.
func (b *backend) admit(list []any) (release func(), err error) {
	size := sizeOf(list)
	if size > b.batches.Size() {
		return nil, refusal.BadRequest("batch_input is too large: it takes %d MiB, and a batch may take %d; send several smaller ones",
			size>>20, b.batches.Size()>>20)
	}
	return b.takeRoom(size)
}

func (b *backend) takeRoom(size int64) (release func(), err error) {
	release, ok := b.batches.Take(size)
	if !ok {
		return nil, refusal.TooManyRequests("there is no room for this batch of %d MiB: the batches and large items that are processed at a time may take %d MiB in a mount, and %d MiB in a process. None of its items was sent; try again when others have finished, or send less at once",
			size>>20, maxMountBatches>>20, maxProcessBatches>>20)
	}
	return release, nil
}
