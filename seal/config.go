package seal

import (
	"errors"
	"strings"

	"github.com/openbao/go-kms-wrapping/v2"
)

// defaultRegion is the default of the wrapper that this one replaces. The rest of this module has another.
const defaultRegion = "cn-beijing"

// A config is the configuration given to SetConfig, checked as far as possible without a client.
type config struct {
	access
	keyID string
	// previous are the ids of other CMKs whose blobs may be opened. If restricted is set, blobs of no others may.
	previous   []string
	restricted bool
}

// readConfig reads the configuration, and the environment if that is allowed.
func readConfig(opts *wrapping.Options) (config, error) {
	v, err := readValues(opts.WithConfigMap, sealing, true)
	if err != nil {
		return config{}, err
	}
	if v["kms_key_id"] == "" {
		v["kms_key_id"] = opts.WithKeyId
	}
	disallowed, err := v.flag("disallow_env_vars", opts.WithDisallowEnvVars)
	if err != nil {
		return config{}, err
	}
	disallowed = disallowed || opts.WithDisallowEnvVars
	if !disallowed {
		if err := v.addEnvironment(sealing); err != nil {
			return config{}, err
		}
	}
	useEnvironment, err := v.flag("use_environment", !disallowed)
	if err != nil {
		return config{}, err
	}
	return v.config(useEnvironment)
}

// config translates v for packages client and credentials.
func (v values) config(useEnvironment bool) (config, error) {
	switch {
	case v["kms_key_id"] == "":
		return config{}, errors.New("kms_key_id is required: the id of a KMS key, or alias/NAME")
	case v["access_key"] == "" && v["secret_key"] == "" && v["security_token"] == "" && !useEnvironment:
		return config{}, errors.New("access_key and secret_key are required, unless use_environment=true lets the seal look for credentials in the environment")
	case v["region"] == "":
		v["region"] = defaultRegion
	}
	previous, restricted, err := v.previous()
	if err != nil {
		return config{}, err
	}
	reached, err := v.access(useEnvironment, true)
	if err != nil {
		return config{}, err
	}
	return config{access: reached, keyID: v["kms_key_id"], previous: previous, restricted: restricted}, nil
}

// previous parses previous_kms_key_ids. An empty list restricts too: it allows no CMK but the configured one.
func (v values) previous() (ids []string, restricted bool, err error) {
	list, restricted := v["previous_kms_key_ids"]
	if strings.TrimSpace(list) == "" {
		return nil, restricted, nil
	}
	for id := range strings.SplitSeq(list, ",") {
		id = strings.TrimSpace(id)
		if !isKeyID(id) {
			return nil, false, errors.New("previous_kms_key_ids must be ids of KMS keys, separated by commas; an alias or ARN is not an id")
		}
		ids = append(ids, id)
	}
	return ids, restricted, nil
}

// isKeyID reports whether id has the form of a key id, and not of an alias, an ARN or another name that KMS accepts but
// does not answer with.
func isKeyID(id string) bool { return id != "" && !strings.ContainsAny(id, "/: ") }

// metadata is what a server shows about its seal at start, under the names that earlier wrappers used.
func (c config) metadata() map[string]string {
	shown := map[string]string{"region": c.client.Region, "kms_key_id": c.keyID}
	switch {
	case c.instance != "":
		shown["gateway"], shown["kms_instance_id"] = dedicatedGateway, c.instance
		shown["instance_endpoint"] = c.client.Endpoint
	case c.client.Endpoint != "":
		shown["domain"] = c.client.Endpoint
	}
	return shown
}
