package history

import (
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// effects are what the requests that change something do to a world. The number of the CMK that they are about is at
// least 1, except for DeleteAlias.
var effects = map[kmsapi.Operation]func(w World, s state, key int8, e Event) state{
	kmsapi.OpCreateKey: func(_ World, s state, key int8, e Event) state {
		s.keys[key-1] = cmk{state: kmsapi.Enabled}.with(e.Seen.Version)
		return s
	},
	kmsapi.OpEnableKey:           become(kmsapi.Enabled),
	kmsapi.OpDisableKey:          become(kmsapi.Disabled),
	kmsapi.OpScheduleKeyDeletion: become(kmsapi.PendingDeletion),
	kmsapi.OpCancelKeyDeletion:   become(kmsapi.Enabled),
	kmsapi.OpCreateKeyVersion: func(_ World, s state, key int8, e Event) state {
		s.keys[key-1] = s.keys[key-1].with(e.Seen.Version)
		return s
	},
	kmsapi.OpCreateAlias: point,
	kmsapi.OpUpdateAlias: point,
	kmsapi.OpDeleteAlias: func(w World, s state, _ int8, e Event) state {
		s.aliases[w.alias(e.Alias)] = 0
		return s
	},
}

func become(next kmsapi.KeyState) func(World, state, int8, Event) state {
	return func(_ World, s state, key int8, _ Event) state {
		s.keys[key-1].state = next
		return s
	}
}

// point makes an alias name a CMK.
func point(w World, s state, key int8, e Event) state {
	s.aliases[w.alias(e.Alias)] = key
	return s
}

// refusal is why a world refuses a request, and nil if it does not.
func refusal(w World, s state, e Event) *kmsapi.Error {
	key := w.target(s, e)
	switch {
	case e.Op == kmsapi.OpCreateKey:
		return nil
	case key == 0 && e.Key == "":
		return kmsapi.ErrAliasNotFound
	case key == 0:
		return kmsapi.ErrKeyNotFound
	}
	if err := e.Op.Refusal(s.keys[key-1].state); err != nil {
		return err
	}
	if at := w.alias(e.Alias); at >= 0 {
		return aliasRefusal(e.Op, s.aliases[at] > 0)
	}
	return nil
}

func aliasRefusal(op kmsapi.Operation, exists bool) *kmsapi.Error {
	switch {
	case op == kmsapi.OpCreateAlias && exists:
		return kmsapi.ErrAliasAlreadyExists
	case op != kmsapi.OpCreateAlias && !exists:
		return kmsapi.ErrAliasNotFound
	default:
		return nil
	}
}

// step returns the world after a request, and whether its answer is one that the world gives.
func step(w World, s state, e Event) (state, bool) {
	refused := refusal(w, s, e)
	switch {
	case e.Outcome == Refused:
		return s, refused != nil && refused.Code == e.Code
	case refused != nil:
		return s, e.Outcome == Unknown
	}
	key := w.target(s, e)
	if effect := effects[e.Op]; effect != nil {
		return effect(w, s, key, e), e.Seen.Wrong == ""
	}
	if e.Outcome == Unknown {
		return s, true
	}
	return observe(w, s, key, e)
}

// observe compares a world with what an answer says of it.
func observe(w World, s state, key int8, e Event) (state, bool) {
	c := &s.keys[key-1]
	seen := e.Seen
	shown := seen.Versions
	if seen.Version != "" && e.Op != kmsapi.OpDecrypt {
		shown = []string{seen.Version}
	}
	named, ok := c.name(shown)
	ok = ok && (seen.Versions == nil || len(seen.Versions) == len(c.all()))
	ok = ok && (seen.State == "" || seen.State == c.state)
	ok = ok && (seen.Key == "" || w.key(seen.Key) == key)
	ok = ok && (seen.Aliases == nil || slices.Equal(seen.Aliases, w.aliasesOf(s, key)))
	*c = named
	return s, ok && seen.Wrong == ""
}
