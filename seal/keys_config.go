package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/reserved"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// readAccess reads the configuration of External Keys. Its fields may be of any JSON type.
func readAccess(fields map[string]any, environment bool) (access, error) {
	given, err := stringsOf(fields)
	if err != nil {
		return access{}, err
	}
	v, err := readValues(given, externalKeys, environment)
	if err != nil {
		return access{}, err
	}
	if environment {
		if err := v.addEnvironment(externalKeys); err != nil {
			return access{}, err
		}
	}
	if v["access_key"] == "" && v["secret_key"] == "" && v["security_token"] == "" && !environment {
		return access{}, errors.New("access_key and secret_key are required: External Keys take no credentials from the server's environment")
	}
	return v.access(environment, environment)
}

// stringsOf returns the values of a configuration as strings. Errors show no value.
func stringsOf(fields map[string]any) (map[string]string, error) {
	all := make(map[string]string, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch value := fields[name].(type) {
		case nil:
		case string:
			all[name] = value
		case bool:
			all[name] = strconv.FormatBool(value)
		case float64:
			all[name] = strconv.FormatFloat(value, 'f', -1, 64)
		case json.Number:
			all[name] = value.String()
		case int:
			all[name] = strconv.Itoa(value)
		default:
			return nil, fmt.Errorf("%.64q must be a string", name)
		}
	}
	return all, nil
}

// A keyConfig says which CMK a key is, or which version of a key pair.
type keyConfig struct {
	// name is what requests call the CMK: the configured key_id, which is its ARN or its id.
	name string
	// id is the id of the CMK, which KMS's answers have.
	id string
	// version is the id of the version of a key pair, and empty for a symmetric CMK.
	version string
	// algorithm is the only one that signs, and empty if the caller may choose.
	algorithm string
	// bound is part of the encryption context of every ciphertext.
	bound kmsapi.EncryptionContext
}

// keySettings are the settings of a key. None is secret.
var keySettings = []string{"algorithm", "bound_context", "key_id", "key_version_id"}

// readKey reads the configuration of a key.
func readKey(fields map[string]any) (keyConfig, error) {
	bound, err := readBound(fields["bound_context"])
	if err != nil {
		return keyConfig{}, err
	}
	rest := maps.Clone(fields)
	delete(rest, "bound_context")
	given, err := stringsOf(rest)
	if err != nil {
		return keyConfig{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(keySettings, name) {
			return keyConfig{}, unknown(externalKeys, name, keySettings)
		}
		if given[name], err = input.Word(given[name]); err != nil {
			return keyConfig{}, fmt.Errorf("%s %w", name, err)
		}
	}
	c := keyConfig{
		name: given["key_id"], id: given["key_id"], version: given["key_version_id"],
		algorithm: given["algorithm"], bound: bound,
	}
	if of := keyARN.FindStringSubmatch(c.name); of != nil {
		c.id = of[1]
	}
	return c, c.check()
}

// keyARN is the ARN of a CMK, which ends in its id.
var keyARN = regexp.MustCompile(`^acs:kms:[^:/ ]+:[^:/ ]+:key/([^:/ ]+)$`)

// check refuses what can't be used together.
func (c keyConfig) check() error {
	switch {
	case c.id == "":
		return errors.New("key_id is required: the id or ARN of a KMS key")
	case !isKeyID(c.id):
		return errors.New("key_id must be the id or the ARN of a KMS key, not an alias, which may be moved to another KMS key")
	case c.version != "" && !isKeyID(c.version):
		return errors.New("key_version_id must be the id of a version of the KMS key, as ListKeyVersions returns it")
	case c.algorithm != "" && !slices.Contains(signatures, c.algorithm):
		return fmt.Errorf("algorithm must be one of %s, or left out", strings.Join(signatures, ", "))
	case c.algorithm != "" && c.version == "":
		return errors.New("algorithm is for keys that sign, which need a key_version_id too")
	case len(c.bound) > 0 && c.version != "":
		return errors.New("bound_context is for keys that encrypt, and a key with a key_version_id signs")
	default:
		return nil
	}
}

// readBound reads a bound_context: an object of strings, or the JSON of one.
func readBound(given any) (kmsapi.EncryptionContext, error) {
	var bound kmsapi.EncryptionContext
	switch given := given.(type) {
	case nil:
		return nil, nil
	case string:
		var err error
		if bound, err = kmsapi.ParseEncryptionContext(given); err != nil {
			return nil, fmt.Errorf("bound_context must be an object of strings: %w", err)
		}
	case map[string]any:
		bound = make(kmsapi.EncryptionContext, len(given))
		for name, value := range given {
			word, ok := value.(string)
			if !ok {
				return nil, fmt.Errorf("bound_context must be an object of strings, and %.64q is not one", name)
			}
			bound[name] = word
		}
	default:
		return nil, errors.New("bound_context must be an object of strings")
	}
	return bound, checkBound(bound)
}

func checkBound(bound kmsapi.EncryptionContext) error {
	for name, value := range bound {
		if name == "" {
			return errors.New("bound_context must not have an empty name")
		}
		if reserved.Is(name, value) {
			return fmt.Errorf("bound_context must not have a name that begins with %q, nor %q in a name or value: these are the plugin's own",
				reserved.Prefix, reserved.Within)
		}
	}
	// Its JSON must be a context that KMS takes.
	if _, err := kmsapi.ParseEncryptionContext(bound.JSON()); len(bound) > 0 && err != nil {
		return fmt.Errorf("bound_context can't be used: %w", err)
	}
	return nil
}
