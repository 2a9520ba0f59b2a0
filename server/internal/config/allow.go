package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Allow lets an access key run the named operations on the named resources, as a statement of Alibaba Cloud's RAM does.
// In both lists * matches any characters or none.
type Allow struct {
	// Actions are RAM's names of permissions, such as "kms:Encrypt" or "kms:*".
	Actions []string `hcl:"actions"`
	// Resources are, for example, "acs:kms:cn-hangzhou:1000000000000001:key/…", "acs:kms:*:*:alias/*" or "*".
	// docs/kms-configuration.md says which one an operation needs.
	Resources []string `hcl:"resources"`
}

// CoversAction reports whether action is among the allowed ones.
func (a Allow) CoversAction(action string) bool { return matchAny(a.Actions, action) }

// CoversResource reports whether resource is among the allowed ones.
func (a Allow) CoversResource(resource string) bool { return matchAny(a.Resources, resource) }

// validate refuses patterns that could never match: otherwise such a mistake would be noticed only once someone is
// locked out.
func (a Allow) validate(at Place, found *faults) {
	if len(a.Actions) == 0 {
		found.add(at.Field("actions"), "give at least one, such as \"kms:Encrypt\"")
	}
	if len(a.Resources) == 0 {
		found.add(at.Field("resources"), "give at least one, such as \"*\"")
	}
	for n, pattern := range a.Actions {
		if !matchesAnAction(pattern) {
			found.add(at.Field("actions").Item(n), "%s", unknownAction(pattern))
		}
	}
	for n, pattern := range a.Resources {
		if pattern != "*" && !resourceForm.MatchString(pattern) {
			found.add(at.Field("resources").Item(n),
				"%q is not a resource of this service; they look like \"acs:kms:cn-hangzhou:1000000000000001:key/*\"", pattern)
		}
	}
}

// unknownAction returns a message that a pattern matches no action, with the action that may have been meant.
func unknownAction(pattern string) string {
	if op := kmsapi.Operation(strings.TrimPrefix(pattern, "kms:")); len(op.Actions()) > 1 {
		return fmt.Sprintf("%q is not an action of this service; the operation %s needs %s", pattern, op,
			strings.Join(op.Actions(), ", "))
	}
	var known []string
	for _, op := range kmsapi.Operations() {
		known = append(known, op.Actions()...)
	}
	for _, written := range []string{pattern, "kms:" + pattern} {
		if nearest := guess.Nearest(written, known); nearest != "" {
			return fmt.Sprintf("%q is not an action of this service; did you mean %q?", pattern, nearest)
		}
	}
	return fmt.Sprintf("%q is not an action of this service; they look like \"kms:Encrypt\"", pattern)
}

// resourceForm requires all parts of a resource name, so that no one expects a * in one part to match beyond the next
// colon.
var resourceForm = regexp.MustCompile(`^acs:kms:[^:]+:[^:]+:(\*|(key|alias|secret|keystore)\*?|(key|alias|secret|keystore)/.+)$`)

func matchesAnAction(pattern string) bool {
	return slices.ContainsFunc(kmsapi.Operations(), func(op kmsapi.Operation) bool {
		return slices.ContainsFunc(op.Actions(), func(action string) bool { return match(pattern, action) })
	})
}

func matchAny(patterns []string, s string) bool {
	for _, pattern := range patterns {
		if match(pattern, s) {
			return true
		}
	}
	return false
}

// match reports whether s matches pattern, in which * matches any characters. Since * is the only wildcard, each part
// can be matched at its first occurrence, so the time is at most the product of the lengths.
func match(pattern, s string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := len(parts) - 1
	for _, part := range parts[:last] {
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return strings.HasSuffix(s, parts[last])
}
