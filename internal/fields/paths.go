package fields

import (
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// UnknownPath is the error for a path of the mount that none of paths matches. If that is because of a name in it, the
// error says what is wrong with the name; otherwise it guesses which path was meant.
func UnknownPath(paths []*framework.Path, mount, path string) error {
	for _, p := range paths {
		pattern := bare(p.Pattern)
		for _, kind := range Names() {
			prefix, ends := strings.CutSuffix(pattern, kind.Pattern)
			name, within := strings.CutPrefix(path, prefix)
			if kind.end != "" {
				name, _, _ = strings.Cut(name, kind.end)
			}
			if ends && within && !kind.Valid(name) {
				return refusal.BadRequest("%q is not %s", Shorten(name), kind.form)
			}
		}
	}
	if meant := nearestPath(paths, path); meant != "" {
		return refusal.NotFound("unsupported path %q; did you mean %s? All paths: vault path-help %s",
			Shorten(path), meant, mount)
	}
	return refusal.NotFound("unsupported path %q; for those that there are, run: vault path-help %s", Shorten(path), mount)
}

// bare returns a pattern without what the framework and the paths of lists add at its ends.
func bare(pattern string) string {
	return strings.TrimSuffix(strings.Trim(pattern, "^$"), "/?")
}

const (
	// maxPath bounds, in bytes, the paths that a guess is made for.
	maxPath = 256
	// maxSlips is how many misspelled letters a path may have in all.
	maxSlips = 3
)

// nearestPath returns the path that was meant, with the caller's own names in it, and "" if that is not clear.
func nearestPath(paths []*framework.Path, path string) string {
	if len(path) > maxPath {
		return ""
	}
	best, nearest, unique := "", maxSlips+1, false
	for _, p := range paths {
		switch meant, slips := near(bare(p.Pattern), strings.Trim(path, "/")); {
		case meant == "" || slips > nearest || meant == best:
		case slips == nearest:
			unique = false
		default:
			best, nearest, unique = meant, slips, true
		}
	}
	if !unique {
		return ""
	}
	return best
}

// placeholders stand for the names in a path that the reader has to fill in.
var placeholders = map[string]string{
	KeyName.Field: "NAME", Alias.Field: "ALIAS", Hash.Field: "HASH", Version.Field: "VERSION",
	RandomSource.Field: "SOURCE", RandomBytes.Field: "BYTES",
}

// near returns the path of pattern that path may be a misspelling of, and how many slips that would be; "" if none.
func near(pattern, path string) (meant string, slips int) {
	for _, kind := range Names() {
		before, after, found := strings.Cut(pattern, kind.Pattern)
		if !found {
			continue
		}
		literal, name := cutAfter(path, strings.Count(before, "/"))
		end := ""
		if kind.end != "" {
			name, end, _ = strings.Cut(name, kind.end)
		}
		if name != "" && !kind.Valid(name) {
			return "", 0
		}
		missing := 0
		if name == "" && end == "" {
			name, missing = placeholders[kind.Field], 1
		}
		meant, slips = nearParts(
			[]string{strings.TrimSuffix(before, "/"), strings.TrimPrefix(after, "/")}, []string{literal, end}, name)
		return meant, slips + missing
	}
	return nearParts([]string{pattern}, []string{path}, "")
}

// cutAfter returns the first n parts of a path, and the rest.
func cutAfter(path string, n int) (first, rest string) {
	parts := strings.SplitN(path, "/", n+1)
	if len(parts) <= n {
		return path, ""
	}
	return strings.Join(parts[:n], "/"), parts[n]
}

// nearParts compares the literal parts of a path with what was written for them. name comes after the first.
func nearParts(literal, written []string, name string) (meant string, slips int) {
	for i, part := range literal {
		d := guess.Distance(written[i], part)
		if d > guess.Limit(part) {
			return "", 0
		}
		slips += d
	}
	if name == "" {
		return literal[0], slips
	}
	return strings.TrimSuffix(literal[0]+"/"+name+"/"+literal[1], "/"), slips
}

// done says what the operations do to a path, in the order in which they are listed.
var done = []struct {
	op   logical.Operation
	word string
}{
	{logical.ReadOperation, "read"},
	{logical.ListOperation, "listed"},
	{logical.CreateOperation, "written"},
	{logical.UpdateOperation, "written"},
	{logical.PatchOperation, "patched"},
	{logical.DeleteOperation, "deleted"},
}

// CheckOperation refuses an operation that a path of the mount does not have.
func CheckOperation(p *framework.Path, op logical.Operation, mount, path string) error {
	if p.Operations[op] != nil {
		return nil
	}
	wanted, able := "", []string{}
	for _, d := range done {
		if d.op == op {
			wanted = d.word
		}
		if p.Operations[d.op] != nil && (len(able) == 0 || able[len(able)-1] != d.word) {
			able = append(able, d.word)
		}
	}
	path = strings.TrimSuffix(path, "/")
	return refusal.NotAllowed("%q can't be %s; it can be %s. See: vault path-help %s%s",
		Shorten(path), wanted, strings.Join(able, ", "), mount, Shorten(path))
}
