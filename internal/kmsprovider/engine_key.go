package kmsprovider

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
)

// An EngineKey is a key of the secrets engine.
type EngineKey struct {
	// Mount is where the engine is mounted, without slashes at its ends, and Name the name of the key.
	Mount, Name string
}

// ParseEngineKey reads a key that is written MOUNT/KEY, or MOUNT/keys/KEY, which is its path in Vault. It returns
// [vaultkey.ErrPath] for anything else.
func ParseEngineKey(path string) (EngineKey, error) {
	mount, name, err := vaultkey.Split(path)
	if short, ok := strings.CutSuffix(mount, "/keys"); ok {
		mount = short
	}
	return EngineKey{mount, name}, err
}

// String is the key's path.
func (k EngineKey) String() string { return k.Mount + "/keys/" + k.Name }

// An engineVersion is a version of a key, with the KMS key that the key had when the version was read. Its string is
// the key id that Kubernetes stores.
type engineVersion struct {
	key     EngineKey
	cmk     string
	version int
}

const engineVersionPrefix = "vault:"

func (v engineVersion) String() string {
	return fmt.Sprintf("%s%s/%s/%d", engineVersionPrefix, v.key, v.cmk, v.version)
}

// parseEngineVersion returns the key of keys that a key id names, and its version. Only one way to write each is
// accepted: the API server would keep another data key for every other one.
func parseEngineVersion(text string, keys []EngineKey) (engineVersion, bool) {
	for _, key := range keys {
		rest, ok := strings.CutPrefix(text, engineVersionPrefix+key.String()+"/")
		cmk, number, _ := strings.Cut(rest, "/")
		version, _ := strconv.Atoi(number)
		found := engineVersion{key, cmk, version}
		if ok && keyID.MatchString(cmk) && version > 0 && found.String() == text {
			return found, true
		}
	}
	return engineVersion{}, false
}
