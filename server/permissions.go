package server

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Allow lets an access key run the named operations on the named resources, in the words of Alibaba Cloud's RAM. In both
// lists * stands for any characters, also none.
type Allow struct {
	// Actions are kms: and the name of an operation, such as "kms:Encrypt" or "kms:*".
	Actions []string `hcl:"actions"`
	// Resources are such as "acs:kms:cn-hangzhou:1000000000000001:key/…", "acs:kms:*:*:alias/*" or "*". Which one an
	// operation needs is told in docs/kms-service.md.
	Resources []string `hcl:"resources"`
}

// validate refuses what could never match, since it would be a mistake that shows only when someone is locked out.
func (a Allow) validate() error {
	if len(a.Actions) == 0 || len(a.Resources) == 0 {
		return errors.New("give actions and resources, at least one of each")
	}
	for _, pattern := range a.Actions {
		if !matchesAnyAction(pattern) {
			return fmt.Errorf("the action %q is none of this service; they look like \"kms:Encrypt\"", pattern)
		}
	}
	for _, pattern := range a.Resources {
		if pattern != "*" && !resourceForm.MatchString(pattern) {
			return fmt.Errorf("the resource %q is none of this service; they look like \"acs:kms:cn-hangzhou:1000000000000001:key/*\"", pattern)
		}
	}
	return nil
}

// resourceForm has all its parts, so that a * in one of them is not meant to reach into the next.
var resourceForm = regexp.MustCompile(`^acs:kms:[^:]+:[^:]+:(\*|(key|alias)\*?|(key|alias)/.+)$`)

func matchesAnyAction(pattern string) bool {
	for _, operation := range kmsapi.Operations() {
		if slices.ContainsFunc(operation.Actions(), func(action string) bool { return match(pattern, action) }) {
			return true
		}
	}
	return false
}

// permissions are what an access key may do. The zero value allows nothing.
type permissions struct {
	everything bool
	allowed    []Allow
}

func newPermissions(allowed []Allow) permissions {
	return permissions{everything: len(allowed) == 0, allowed: allowed}
}

// allow reports whether operation may be run on resource: whether each of its actions may.
func (p permissions) allow(operation kmsapi.Operation, resource string) bool {
	return p.allowEach(operation, func(a Allow) bool { return matchAny(a.Resources, resource) })
}

// allowSomewhere reports whether operation may be run on anything at all.
func (p permissions) allowSomewhere(operation kmsapi.Operation) bool {
	return p.allowEach(operation, func(Allow) bool { return true })
}

// allowEach reports whether each action of operation is in an entry that covers accepts.
func (p permissions) allowEach(operation kmsapi.Operation, covers func(Allow) bool) bool {
	if p.everything {
		return true
	}
	for _, action := range operation.Actions() {
		if !slices.ContainsFunc(p.allowed, func(a Allow) bool { return matchAny(a.Actions, action) && covers(a) }) {
			return false
		}
	}
	return true
}

func matchAny(patterns []string, text string) bool {
	for _, pattern := range patterns {
		if match(pattern, text) {
			return true
		}
	}
	return false
}

// match reports whether text has the form of pattern, in which * stands for any characters. Taking each part where it first
// fits is enough when * is the only wildcard, so the time is at most the product of the lengths.
func match(pattern, text string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := len(parts) - 1
	for _, part := range parts[:last] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[last])
}
