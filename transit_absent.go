package alicloudkms

import (
	"regexp"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// An absentPath is a path of transit that the engine does not have, for a reason that its callers should know.
type absentPath struct {
	pattern *regexp.Regexp
	// why is the reason, with the placeholders of [refusal.Advice].
	why string
}

// The reasons why the engine does not have a path of transit.
const (
	neverLeaves = "The material of a key is in KMS and never leaves it, so there is nothing to export, back up or restore."
	importTwice = "To have the same material in two places, import it to both: vault transit import {mount}keys/NAME @FILE"
	snapshotHas = "Vault's snapshot has the names of the keys, and vault write {mount}keys/NAME/register key_id=... gives one back."
	registerIt  = "To give a name to a key that is in KMS: vault write {mount}keys/NAME/register key_id=..."
	noCMAC      = "KMS makes no CMACs."
	noSoftly    = "Deletion is always soft here: vault delete {mount}keys/NAME schedules it, and vault write -f {mount}keys/NAME/cancel_deletion cancels it."
	noX509      = "The engine keeps no certificates with keys."
)

// absentPaths are never changed.
var absentPaths = []absentPath{
	absent(`export/.+`, neverLeaves),
	absent(`byok-export/.+`, neverLeaves+" "+importTwice),
	absent(`keys/[^/]+/byok-export.*`, neverLeaves+" "+importTwice),
	absent(`backup/.+`, neverLeaves+" "+snapshotHas),
	absent(`restore(/.*)?`, neverLeaves+" "+registerIt),
	absent(`cmac/.+`, noCMAC),
	absent(`keys/[^/]+/soft-delete(-restore)?`, noSoftly),
	absent(`keys/[^/]+/(csr|set-certificate)`, noX509),
}

func absent(pattern, why string) absentPath {
	return absentPath{pattern: regexp.MustCompile("^" + pattern + "$"), why: why}
}

// checkAbsent refuses a request to a path of transit that the engine does not have. It returns nil for other paths.
func checkAbsent(req *logical.Request) error {
	for _, path := range absentPaths {
		if path.pattern.MatchString(req.Path) {
			return refusal.BadRequest("%s", refusal.Advice(path.why, mount(req), ""))
		}
	}
	return nil
}
