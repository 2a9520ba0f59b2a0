package alicloudkms

import (
	"cmp"
	"context"
	"maps"
	"math"
	"strconv"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// keyConfigAnswer describes what Vault's storage has about a key.
var keyConfigAnswer = answerFields{
	"name":             {Type: framework.TypeString},
	"key_id":           {Type: framework.TypeString},
	"region":           {Type: framework.TypeString},
	"kms_instance_id":  {Type: framework.TypeString, Description: "The KMS instance of the key. Empty if it is in none."},
	"deletion_allowed": {Type: framework.TypeBool},
	"derived":          {Type: framework.TypeBool, Description: "Whether each use of the key must give a context."},
	"bound_context":    {Type: framework.TypeKVPairs},
	"encryption":       {Type: framework.TypeString, Description: "KMS encrypts (direct), or the engine (envelope)."},
	"envelope_id":      {Type: framework.TypeString, Description: "The id in all ciphertexts of envelope mode, or empty."},

	"min_decryption_version": {Type: framework.TypeInt, Description: "As in transit."},
	"min_encryption_version": {Type: framework.TypeInt, Description: "As in transit."},
}

// keyAnswer describes what storage and KMS together have about a key.
var keyAnswer = joined(keyConfigAnswer, answerFields{
	"arn":                  {Type: framework.TypeString},
	"key_state":            {Type: framework.TypeString},
	"key_spec":             {Type: framework.TypeString},
	"key_usage":            {Type: framework.TypeString},
	"origin":               {Type: framework.TypeString},
	"protection_level":     {Type: framework.TypeString},
	"creator":              {Type: framework.TypeString},
	"creation_date":        {Type: framework.TypeString},
	"delete_date":          {Type: framework.TypeString},
	"material_expire_time": {Type: framework.TypeString},
	"description":          {Type: framework.TypeString},
	"deletion_protection":  {Type: framework.TypeBool, Description: "Whether KMS itself refuses to delete the KMS key."},
	"tags":                 {Type: framework.TypeKVPairs},
	"cmks": {
		Type:        framework.TypeSlice,
		Description: "The KMS keys of the key, the oldest first, each with its key_id, its key_state, and the numbers of its versions.",
	},
}, versionsAnswer)

// versionsAnswer describes what transit shows of a key.
var versionsAnswer = answerFields{
	"keys": {
		Type:        framework.TypeMap,
		Description: "As in transit: when each version was made, in seconds since 1970; of a key with key pairs, name, public_key and creation_time of each.",
	},
	"exportable":             {Type: framework.TypeBool, Description: "As in transit. It is false."},
	"imported_key":           {Type: framework.TypeBool, Description: "Whether the key material is imported."},
	"convergent_encryption":  {Type: framework.TypeBool, Description: "As in transit. It is false."},
	"allow_plaintext_backup": {Type: framework.TypeBool, Description: "As in transit. It is false."},

	"type":                  {Type: framework.TypeString, Description: "As in transit."},
	"latest_version":        {Type: framework.TypeInt, Description: "As in transit: that of new ciphertexts."},
	"min_available_version": {Type: framework.TypeInt, Description: "As in transit."},
	"auto_rotate_period":    {Type: framework.TypeInt, Description: "As in transit, in seconds."},
	"supports_encryption":   {Type: framework.TypeBool, Description: "As in transit."},
	"supports_decryption":   {Type: framework.TypeBool, Description: "As in transit."},
	"supports_derivation":   {Type: framework.TypeBool, Description: "As in transit."},
	"supports_signing":      {Type: framework.TypeBool, Description: "As in transit."},
}

// withVersions shows the entry with its versions, without its CMK's metadata.
func (e *keyEntry) withVersions(name string) *logical.Response {
	resp := e.stored(name)
	maps.Copy(resp.Data, e.transitMetadata(kmsapi.KeyMetadata{}))
	return resp
}

// answer shows an entry together with the live metadata of its CMK.
func (e *keyEntry) answer(name string, m kmsapi.KeyMetadata) *logical.Response {
	resp := e.stored(name)
	maps.Copy(resp.Data, metadataFields(m))
	maps.Copy(resp.Data, e.transitMetadata(m))
	if len(e.cmks()) == 1 { // m says nothing about other CMKs.
		resp.Data["cmks"] = e.cmksShown(m, earlierStates{})
	}
	return resp
}

// metadataFields are the live fields of a CMK in answers. Dates that do not apply are empty.
func metadataFields(m kmsapi.KeyMetadata) map[string]any {
	return map[string]any{
		"arn":                  m.Arn,
		"kms_instance_id":      m.DKMSInstanceId,
		"key_state":            string(m.KeyState),
		"key_spec":             m.KeySpec,
		"key_usage":            m.KeyUsage,
		"origin":               string(m.Origin),
		"protection_level":     string(m.ProtectionLevel),
		"creator":              m.Creator,
		"creation_date":        m.CreationDate,
		"delete_date":          m.DeleteDate,
		"material_expire_time": m.MaterialExpireTime,
		"description":          withoutMarker(m.Description),
		"deletion_protection":  isProtected(m),
	}
}

// transitMetadata is what transit's clients read about a key, and fail without.
func (e *keyEntry) transitMetadata(m kmsapi.KeyMetadata) map[string]any {
	trimmed := 0
	if oldest := e.versions.Oldest(); oldest > 1 {
		trimmed = oldest
	}
	opens := e.KeyUsage != kmsapi.KeyUsageSignVerify
	return map[string]any{
		"type":                  typeOfSpec(e.KeySpec),
		"exportable":            false,
		"imported_key":          m.Origin == kmsapi.OriginExternal,
		"convergent_encryption": false,

		"allow_plaintext_backup": false,
		"keys":                   e.versionsShown(m.CreationDate),
		"latest_version":         e.versions.Newest(),
		"min_available_version":  trimmed,
		"auto_rotate_period":     e.rotationSeconds(m),
		"supports_encryption":    opens,
		"supports_decryption":    opens,
		"supports_derivation":    !e.isAsymmetric(),
		"supports_signing":       !opens,
	}
}

// rotationSeconds is the interval at which the key gets a new data key, or KMS rotates its CMK. 0 means never.
func (e *keyEntry) rotationSeconds(m kmsapi.KeyMetadata) int64 {
	if e.isEnvelope() {
		return int64(e.AutoRotate / time.Second)
	}
	interval, err := kmsapi.ParseRotationInterval(m.RotationInterval, time.Second, math.MaxInt64)
	if err != nil || m.AutomaticRotation == kmsapi.RotationDisabled {
		return 0
	}
	return int64(interval / time.Second)
}

// versionsShown are the versions in transit's form for the type of the key.
func (e *keyEntry) versionsShown(cmkCreated string) map[string]any {
	if e.isAsymmetric() {
		return e.publicKeys()
	}
	return e.versionDates(cmkCreated)
}

// publicKeys are the versions of a key pair. A public key is empty as long as KMS has none.
func (e *keyEntry) publicKeys() map[string]any {
	shown := make(map[string]any, len(e.versions.Rows))
	kind := keyTypeOf(e.KeySpec)
	for n := e.versions.First; n <= e.versions.Newest(); n++ {
		row := e.versions.Row(n)
		shown[strconv.Itoa(n)] = map[string]any{
			"name": cmp.Or(kind.pair, kind.name), "public_key": row.PublicKey, "creation_time": row.Created,
		}
	}
	return shown
}

// versionDates says when each version was made, in seconds since 1970. A version whose date is not known yet has the
// date of the CMK, or 0 if that is not known either.
func (e *keyEntry) versionDates(cmkCreated string) map[string]any {
	dates := make(map[string]any, len(e.versions.Rows))
	for n := e.versions.First; n <= e.versions.Newest(); n++ {
		seconds := int64(0)
		made, err := time.Parse(kmsapi.TimeFormat, cmp.Or(e.versions.Row(n).Created, cmkCreated))
		if err == nil {
			seconds = made.Unix()
		}
		dates[strconv.Itoa(n)] = seconds
	}
	return dates
}

// withTags adds the tags of a key to an answer. The engine's RAM user may lack the permission to see them, so a failure
// is only a warning.
func (b *backend) withTags(
	ctx context.Context, req *logical.Request, c *connection, k target, resp *logical.Response,
) *logical.Response {
	tags, err := readTags(ctx, c, k.entry.cmk())
	return b.addTags(req, k, resp, tags, err)
}

// addTags adds tags, or the reason why they are not known.
func (b *backend) addTags(
	req *logical.Request, k target, resp *logical.Response, tags map[string]string, err error,
) *logical.Response {
	if err != nil {
		resp.AddWarning("The tags are not shown: " + b.coded(req, withKey(err, k.name)).Error())
	}
	resp.Data["tags"] = orEmpty(tags)
	return resp
}

// orEmpty returns tags, or an empty map instead of nil.
func orEmpty(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}
