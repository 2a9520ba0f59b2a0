package crash

import (
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A ledger is the state of the store as far as a writer knows it.
type ledger struct {
	keys map[string]key // by key id
	// aliases are key ids by alias.
	aliases map[string]string
	secrets map[string]secret // by name
}

// key is a CMK in a ledger. Tags are never changed in place.
type key struct {
	kind
	state kmsapi.KeyState
	tags  map[string]string
	// added counts the versions after the first one, and interval is the rotation's, in the form that answers have.
	added    int
	interval string
	metadata
}

// metadata is the part of a CMK's metadata that changes and that nothing else shows. The description is empty as long
// as it is the first one.
type metadata struct {
	description string
	protected   bool
}

func newLedger() ledger {
	return ledger{keys: map[string]key{}, aliases: map[string]string{}, secrets: map[string]secret{}}
}

// with returns the ledger after effect.
func (l ledger) with(effect func(ledger)) ledger {
	after := ledger{keys: maps.Clone(l.keys), aliases: maps.Clone(l.aliases), secrets: maps.Clone(l.secrets)}
	effect(after)
	return after
}

// aliasNames returns the sorted names, so that a random choice is the same for the same seed.
func (l ledger) aliasNames() []string { return slices.Sorted(maps.Keys(l.aliases)) }

// aliasesOf returns the sorted aliases of one CMK.
func (l ledger) aliasesOf(id string) []string {
	var names []string
	for _, name := range l.aliasNames() {
		if l.aliases[name] == id {
			names = append(names, name)
		}
	}
	return names
}

// setState and the functions below return effects.
func setState(id string, state kmsapi.KeyState) func(ledger) {
	return setKey(id, func(k *key) { k.state = state })
}

func setTags(id string, tags map[string]string) func(ledger) {
	return setKey(id, func(k *key) { k.tags = tags })
}

func addVersion(id string) func(ledger) { return setKey(id, func(k *key) { k.added++ }) }

func setInterval(id, interval string) func(ledger) {
	return setKey(id, func(k *key) { k.interval = interval })
}

func setKey(id string, change func(*key)) func(ledger) {
	return func(l ledger) {
		k := l.keys[id]
		change(&k)
		l.keys[id] = k
	}
}

func setAlias(name, id string) func(ledger) { return func(l ledger) { l.aliases[name] = id } }

func dropAlias(name string) func(ledger) { return func(l ledger) { delete(l.aliases, name) } }
