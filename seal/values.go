package seal

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
)

// A purpose is the purpose of a configuration. The zero value means both purposes of the plugin.
type purpose string

const (
	sealing      purpose = "the seal has"
	externalKeys purpose = "External Keys have"
)

// A setting is a key of the configuration.
type setting struct {
	// only is the purpose that has the setting, and empty for a setting of both.
	only purpose
	// variables are environment variables that are used if the setting is not configured: the first that is set.
	variables []string
	// credential says that the setting is taken from the environment together with the other credentials or not at all.
	credential bool
	// secret says that the setting is never shown.
	secret bool
	// gateway is the only gateway that the setting is for, and empty for a setting of both. The environment is not read
	// for settings of the other gateway.
	gateway string
}

var settings = map[string]setting{
	"kms_key_id": {
		only: sealing, variables: []string{"ALICLOUDKMS_WRAPPER_KEY_ID", "VAULT_ALICLOUDKMS_SEAL_KEY_ID"},
	},
	"previous_kms_key_ids": {only: sealing},
	"region":               {variables: []string{"ALICLOUD_REGION"}},
	"domain":               {gateway: sharedGateway, variables: []string{"ALICLOUD_DOMAIN"}},
	"network":              {},
	"proxy":                {secret: true},
	"gateway":              {variables: []string{"ALICLOUD_KMS_GATEWAY"}},
	"kms_instance_id":      {gateway: dedicatedGateway, variables: []string{"ALICLOUD_KMS_INSTANCE_ID"}},
	"instance_endpoint":    {gateway: dedicatedGateway, variables: []string{"ALICLOUD_KMS_INSTANCE_ENDPOINT"}},
	"tls_server_name":      {},
	"ca_cert":              {},
	"request_timeout":      {},
	"access_key":           {credential: true, variables: []string{"ALICLOUD_ACCESS_KEY"}},
	"secret_key":           {credential: true, secret: true, variables: []string{"ALICLOUD_SECRET_KEY"}},
	"security_token":       {credential: true, secret: true, variables: []string{"ALICLOUD_ACCESS_KEY_STS_TOKEN"}},
	"role_arn":             {credential: true, variables: []string{"ALICLOUD_ROLE_ARN"}},
	"role_session_name":    {credential: true, variables: []string{"ALICLOUD_ROLE_SESSION_NAME"}},
	"role_external_id":     {credential: true},
	"sts_endpoint":         {credential: true},
	"use_environment":      {only: sealing},
	"disallow_env_vars":    {only: sealing},
}

// synonyms maps other names of settings to their own.
var synonyms = map[string]string{"endpoint": "domain", "access_secret": "secret_key"}

// has reports whether a configuration for p has the setting.
func (p purpose) has(s setting) bool { return s.only == "" || s.only == p }

// names returns the settings for p that want selects, under all their names, sorted.
func (p purpose) names(want func(setting) bool) (names []string) {
	for name, s := range settings {
		if p.has(s) && want(s) {
			names = append(names, name)
		}
	}
	for other, name := range synonyms {
		if slices.Contains(names, name) {
			names = append(names, other)
		}
	}
	slices.Sort(names)
	return names
}

// values are the settings' values. An empty one counts as missing.
type values map[string]string

// readValues returns a configuration for p under the settings' own names. A value may refer to a file or a variable if
// references is set.
func readValues(given map[string]string, p purpose, references bool) (values, error) {
	v := values{}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		name := cmp.Or(synonyms[key], key)
		if s, ok := settings[name]; !ok || !p.has(s) {
			return nil, unknown(p, key, p.names(func(setting) bool { return true }))
		}
		value, err := resolve(key, given[key], references)
		if err != nil {
			return nil, err
		}
		if v[name] != "" && value != "" && v[name] != value {
			return nil, fmt.Errorf("%s is set under two names to different values; leave out %s", name, key)
		}
		v[name] = cmp.Or(value, v[name])
	}
	return v, nil
}

// unknown is the error about a setting that p lacks.
func unknown(p purpose, key string, known []string) error {
	return fmt.Errorf("%s no setting %.64q; %s", p, key, guess.Among(key, "settings", known))
}

// resolve returns the value, or the content of the file or variable that it refers to, without the white space and
// control characters at its ends. Inside, only certificates may have any. Errors name the file or variable, but show no
// content.
func resolve(key, value string, references bool) (string, error) {
	if !references && isReference(value) {
		return "", fmt.Errorf("%s must be the value itself: files and variables of the server can't be read here", key)
	}
	if references {
		if err := wrapping.ParsePaths(&value); err != nil {
			return "", fmt.Errorf("%s: %w", key, err)
		}
	}
	if key == "ca_cert" {
		return strings.TrimSpace(value), nil
	}
	value, err := input.Word(value)
	if err != nil {
		return "", fmt.Errorf("%s %w", key, err)
	}
	return value, nil
}

// isReference reports whether a value stands for the content of a file or a variable.
func isReference(value string) bool {
	scheme, _, found := strings.Cut(strings.TrimSpace(value), "://")
	return found && (strings.EqualFold(scheme, "file") || strings.EqualFold(scheme, "env"))
}

// addEnvironment adds settings that are not configured. Credentials are not mixed: a configured access key is used on
// its own.
func (v values) addEnvironment(p purpose) error {
	own := v["access_key"] != "" || v["secret_key"] != "" || v["security_token"] != ""
	if err := v.addVariables("gateway"); err != nil {
		return err
	}
	for name, s := range settings {
		if own && s.credential || !p.has(s) || !v.has(s) {
			continue
		}
		if err := v.addVariables(name); err != nil {
			return err
		}
	}
	return nil
}

// addVariables sets a setting that is not configured to the first of its variables that is set.
func (v values) addVariables(name string) error {
	if v[name] != "" {
		return nil
	}
	for _, variable := range settings[name].variables {
		value, err := resolve(variable, os.Getenv(variable), true)
		if err != nil {
			return err
		}
		v[name] = cmp.Or(v[name], value)
	}
	return nil
}

func (v values) flag(name string, otherwise bool) (bool, error) {
	if v[name] == "" {
		return otherwise, nil
	}
	set, err := strconv.ParseBool(v[name])
	if err != nil {
		return false, fmt.Errorf("%s must be true or false", name)
	}
	return set, nil
}
