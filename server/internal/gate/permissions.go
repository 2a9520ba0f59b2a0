package gate

import (
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// permissions are what an access key may do. They implement [api.Permissions]. The zero value allows nothing.
type permissions struct {
	everything bool
	allowed    []config.Allow
}

func newPermissions(allowed []config.Allow) *permissions {
	return &permissions{everything: len(allowed) == 0, allowed: allowed}
}

// Everything reports whether there is no restriction at all.
func (p *permissions) Everything() bool { return p.everything }

// Allow reports whether each of actions is allowed on resource.
func (p *permissions) Allow(actions []string, resource string) bool {
	return p.allowEach(actions, func(a config.Allow) bool { return a.CoversResource(resource) })
}

// AllowSomewhere reports whether each of actions is allowed on anything at all.
func (p *permissions) AllowSomewhere(actions []string) bool {
	return p.allowEach(actions, func(config.Allow) bool { return true })
}

// allowEach reports whether each action is in an entry for which covers returns true.
func (p *permissions) allowEach(actions []string, covers func(config.Allow) bool) bool {
	if p.everything {
		return true
	}
	for _, action := range actions {
		if !slices.ContainsFunc(p.allowed, func(a config.Allow) bool { return a.CoversAction(action) && covers(a) }) {
			return false
		}
	}
	return true
}
