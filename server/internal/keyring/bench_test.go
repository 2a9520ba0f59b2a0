package keyring

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// hotRecords are the records of a CMK that Encrypt and Decrypt read: its own and, to decrypt with an earlier version,
// the record of the version.
type hotRecords struct {
	keyID, versionID string
	cmk, version     []byte
}

// hotRecords creates a CMK and returns its hot records; the version is the oldest one.
func (r *rig) hotRecords(versions, tags int) (hot hotRecords) {
	keyID, versionIDs := r.create(versions, tags)
	hot.keyID, hot.versionID = keyID, versionIDs[0]
	all := r.records()
	hot.cmk = []byte(all[testScope.cmkPath(keyID)])
	hot.version = []byte(all[testScope.cmkVersionPath(keyID, hot.versionID)])
	return hot
}

// decode decodes what Decrypt needs for the oldest version.
func (h hotRecords) decode() error {
	cmk, err := decodeCMK("p", h.keyID, h.cmk)
	if err == nil && cmk.Primary.ID != h.versionID {
		_, err = decodeVersion("p", h.versionID, h.version)
	}
	return err
}

// sizes are the numbers of versions and tags of a CMK.
var sizes = []struct{ versions, tags int }{{1, 0}, {1, 1}, {1, 10}, {50, 0}, {50, 10}}

func BenchmarkDecodeHead(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("versions=%d/tags=%d", size.versions, size.tags), func(b *testing.B) {
			hot := newRig(b).hotRecords(size.versions, size.tags)
			b.ReportAllocs()
			for b.Loop() {
				if err := hot.decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestWhatEveryRequestReadsOfACMKIsDecodedWithFewAllocations(t *testing.T) {
	for _, size := range sizes {
		hot := newRig(t).hotRecords(size.versions, size.tags)
		require.NoError(t, hot.decode())
		allocations := testing.AllocsPerRun(100, func() { _ = hot.decode() })
		require.LessOrEqual(t, allocations, 6.0, "%+v", size)
	}
	cmk, alias := encode(fullCMK()), encode(&Alias{KeyID: "id", CreationDate: testTime})
	allocations := testing.AllocsPerRun(100, func() {
		_, _ = decodeAlias("p", "alias/a", alias)
		_, _ = decodeCMK("p", "id", cmk)
	})
	require.LessOrEqual(t, allocations, 6.0, "by an alias")
}
