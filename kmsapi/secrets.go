package kmsapi

import (
	"encoding/json"
	"fmt"
)

// Limits of secrets.
const (
	// MaxSecretName is the greatest length of a secret's name, and MaxSecretVersion that of a version id or a stage, in
	// characters.
	MaxSecretName    = 192
	MaxSecretVersion = 64
	// MaxSecretData is the greatest length of a value, in bytes of the string as it is sent, base64 or not.
	MaxSecretData = 30720
	// MaxSecretVersions is how many versions a secret keeps, and MaxSecretStages how many stages they can have
	// together.
	MaxSecretVersions = 10
	MaxSecretStages   = 8
	// MinRecoveryWindowInDays and MaxRecoveryWindowInDays bound the wait before a secret is deleted.
	MinRecoveryWindowInDays = 7
	MaxRecoveryWindowInDays = 30
	// MinPasswordLength and MaxPasswordLength bound the passwords of GetRandomPassword.
	MinPasswordLength = 8
	MaxPasswordLength = 128

	defaultSecretPage   = "10"
	defaultVersionsPage = "20"
	maxSecretPage       = 100
)

// The types of secrets. All but Generic are managed: Alibaba Cloud rotates them in another of its services.
const (
	SecretGeneric = "Generic"

	secretRDS   = "Rds"
	secretRedis = "Redis"
	secretRAM   = "RAMCredentials"
	secretECS   = "ECS"
	secretPolar = "PolarDB"
)

// The types of values. KMS does not interpret values: for [SecretBinary], it stores and returns the base64 as sent.
const (
	SecretText   = "text"
	SecretBinary = "binary"
)

// The stages that KMS moves itself. Callers may use others of their own.
const (
	// StageCurrent is on the version that GetSecretValue returns by default.
	StageCurrent = "ACSCurrent"
	// StagePrevious is on the version that previously had StageCurrent.
	StagePrevious = "ACSPrevious"
)

// ReservedSecretPrefix begins names that are reserved for managed secrets.
const ReservedSecretPrefix = "acs/"

const secretCharacters = "have only letters, digits and characters of _ / + = . @ -"

// secretText is the set of characters in names, version ids and stages. A colon is not among them.
var secretText = lettersDigitsAnd("_/+=.@-")

// The rules of parameters that several operations on secrets have.
var (
	secretName = Rule{
		Name: "SecretName", Required: true, Named: true,
		Min: 1, Max: MaxSecretName, Matches: secretText.contain, Form: secretCharacters,
	}
	secretVersion  = versionRule("VersionId")
	secretStage    = versionRule("VersionStage")
	secretData     = Rule{Name: "SecretData", Required: true}
	secretDataType = Rule{Name: "SecretDataType", Default: SecretText, OneOf: []string{SecretText, SecretBinary}}
	fetchTags      = Rule{Name: "FetchTags"}
)

// versionRule is the rule of a parameter that names a version or a stage.
func versionRule(name string) Rule {
	return Rule{Name: name, Min: 1, Max: MaxSecretVersion, Matches: secretText.contain, Form: secretCharacters}
}

// IsSecretName reports whether a secret can have that name.
func IsSecretName(name string) bool {
	return name != "" && len(name) <= MaxSecretName && secretText.contain(name)
}

// VersionStages are the stages that a version gets. On the wire they are a JSON array, or an object with one in
// VersionStage, as in answers.
type VersionStages []string

const stagesForm = `look like ["ACSCurrent","next"]`

func (s *VersionStages) wire() string { return jsonOf(len(*s), *s) }

func (s *VersionStages) parse(text string) error {
	var wrapped struct{ VersionStage json.RawMessage }
	if text[0] == '{' && json.Unmarshal([]byte(text), &wrapped) == nil {
		text = string(wrapped.VersionStage)
	}
	if err := parseJSON(text, (*[]string)(s)); err != nil {
		return fmt.Errorf("must %s: %w", stagesForm, err)
	}
	return s.check()
}

func (s *VersionStages) check() error {
	if len(*s) > MaxSecretStages {
		return fmt.Errorf("must have up to %d stages", MaxSecretStages)
	}
	seen := map[string]bool{}
	for _, stage := range *s {
		if stage == "" || len(stage) > MaxSecretVersion || !secretText.contain(stage) || seen[stage] {
			return fmt.Errorf("must have stages that differ, of 1 to %d characters, which %s", MaxSecretVersion,
				secretCharacters)
		}
		seen[stage] = true
	}
	return nil
}

// StageList is the object around the stages of a version on the wire.
type StageList struct{ VersionStage []string }

// SecretRotation is what answers say about the rotation of a managed secret. For a Generic secret, all of it is empty
// and not on the wire.
type SecretRotation struct {
	// AutomaticRotation is [RotationEnabled], [RotationDisabled] or Invalid.
	AutomaticRotation string `json:",omitempty" xml:",omitempty"`
	// RotationInterval is in seconds, such as 604800s.
	RotationInterval string `json:",omitempty" xml:",omitempty"`
	NextRotationDate string `json:",omitempty" xml:",omitempty"`
	// ExtendedConfig is JSON.
	ExtendedConfig string `json:",omitempty" xml:",omitempty"`
}
