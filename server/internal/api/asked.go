package api

import (
	"encoding/base64"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

// Asked returns what a request names, for its audit line: key ids, ids of KMS instances, aliases and resource names,
// each as the caller wrote it, unless the ids in inv already say the same; and always the name of a secret. For a
// ciphertext whose key was not found, it returns the key version that the ciphertext names. For most requests it
// returns nothing, and does not allocate.
func (inv *Invocation) Asked(params kmsapi.Params) (asked kmsapi.Params) {
	for i := range params {
		name, value := params[i].Name, params[i].Value
		switch {
		case name == ciphertextParam && inv.KeyID == "":
			if version := claimedVersion(value); version != "" {
				asked = asked.Add("KeyVersionId", version)
			}
		case value != "" && (name == secretParam || !inv.found(value)) && kmsapi.IsName(name):
			asked = asked.Add(name, value)
		}
	}
	return asked
}

// found reports whether id is already in inv as something that the request has led to.
func (inv *Invocation) found(id string) bool {
	return id == inv.KeyID || id == inv.InstanceID || id == inv.DestinationKeyID
}

const ciphertextParam = "CiphertextBlob"

// claimedVersionSize is the length in base64 of the 36 characters of a key version's id.
const claimedVersionSize = 48

// claimedVersion returns the id of the key version that a ciphertext begins with, or "" if it begins with something
// else. It does not read the rest of the ciphertext.
func claimedVersion(ciphertext string) string {
	if len(ciphertext) < claimedVersionSize {
		return ""
	}
	begin, err := base64.StdEncoding.DecodeString(ciphertext[:claimedVersionSize])
	if err != nil || !crypt.IsVersionID(string(begin)) {
		return ""
	}
	return string(begin)
}
