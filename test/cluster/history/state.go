package history

import (
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A World is a few CMKs and aliases whose requests are explained together, since aliases move between the CMKs.
type World struct {
	// Keys are the ids of its CMKs, and Aliases all aliases that they may have.
	Keys, Aliases []string
}

const (
	// MaxKeys and MaxAliases are the size of the largest world.
	MaxKeys, MaxAliases = 3, 4

	// unnamed stands for the id of a version that a request without an answer has made.
	unnamed = "?"
)

// state is what a world holds. It is compared by ==.
type state struct {
	keys [MaxKeys]cmk
	// aliases are the numbers of their CMKs counted from 1, and 0 for an alias that does not exist.
	aliases [MaxAliases]int8
}

// cmk is a CMK of a world. One that has not been created has no state.
type cmk struct {
	state kmsapi.KeyState
	// versions are the ids of its versions, the oldest first, each with a comma after it.
	versions string
}

// key is the number of a CMK counted from 1, and 0 if the world does not have it.
func (w World) key(id string) int8 { return int8(slices.Index(w.Keys, id) + 1) }

func (w World) alias(name string) int { return slices.Index(w.Aliases, name) }

// target is the number of the CMK that a request is about, and 0 if there is none.
func (w World) target(s state, e Event) int8 {
	if e.Key != "" {
		return w.key(e.Key)
	}
	if at := w.alias(e.Alias); at >= 0 {
		return s.aliases[at]
	}
	return 0
}

// aliasesOf returns the aliases of a CMK, sorted.
func (w World) aliasesOf(s state, key int8) []string {
	var names []string
	for at, name := range w.Aliases {
		if s.aliases[at] == key {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// with returns a CMK that has one more version.
func (c cmk) with(version string) cmk {
	if version == "" {
		version = unnamed
	}
	c.versions += version + ","
	return c
}

// all returns the ids of its versions, the newest first.
func (c cmk) all() []string {
	all := strings.Split(strings.TrimSuffix(c.versions, ","), ",")
	slices.Reverse(all)
	return all
}

// name compares the newest versions, which an answer has shown, with those of the CMK. A version without a name gets
// the one that was shown.
func (c cmk) name(shown []string) (named cmk, ok bool) {
	all := c.all()
	if len(shown) > len(all) {
		return c, false
	}
	for i, id := range shown {
		switch {
		case all[i] == unnamed && !slices.Contains(all, id):
			all[i] = id
		case all[i] != id:
			return c, false
		}
	}
	slices.Reverse(all)
	c.versions = strings.Join(all, ",") + ","
	return c, true
}
