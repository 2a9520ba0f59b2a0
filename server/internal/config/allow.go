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
// In both lists * matches any characters, also none.
type Allow struct {
	// Actions are RAM's names of permissions, such as "kms:Encrypt" or "kms:*".
	Actions []string `hcl:"actions"`
	// Resources are such as "acs:kms:cn-hangzhou:1000000000000001:key/…", "acs:kms:*:*:alias/*" or "*".
	// docs/kms-configuration.md says which one an operation needs.
	Resources []string `hcl:"resources"`
}

// CoversAction reports whether action is among the allowed ones.
func (a Allow) CoversAction(action string) bool { return matchAny(a.Actions, action) }

// CoversResource reports whether resource is among the allowed ones.
func (a Allow) CoversResource(resource string) bool { return matchAny(a.Resources, resource) }

// validate refuses patterns that could never match: such a mistake would show only once somebody is locked out.
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

// unknownAction says that nothing has the form of a pattern, and which action may have been meant.
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

// resourceForm has all parts of a resource name, so that a * in one part is not expected to match across the next
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

// match reports whether s has the form of pattern, in which * matches any characters. It is enough to take each part
// where it first fits when * is the only wildcard, so the time is at most the product of the lengths.
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
