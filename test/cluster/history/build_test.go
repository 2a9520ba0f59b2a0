package history

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The CMKs and the alias of the tests' histories.
const (
	key1, key2 = "key-1", "key-2"
	alias1     = "alias/1"
)

// at says when a request was sent and answered.
func at(call, answered int, e Event) Event {
	e.Call, e.Return = time.Duration(call), time.Duration(answered)
	if e.Outcome == "" {
		e.Outcome = Done
	}
	return e
}

// lost is a request that was sent and never answered.
func lost(call int, e Event) Event {
	e.Call, e.Return, e.Outcome = time.Duration(call), Never, Unknown
	e.Seen = Seen{}
	return e
}

// refused is a request that was refused for err.
func refused(call, answered int, err *kmsapi.Error, e Event) Event {
	e.Outcome, e.Code, e.Seen = Refused, err.Code, Seen{}
	return at(call, answered, e)
}

func of(op kmsapi.Operation, key string) Event { return Event{Op: op, Key: key} }

func create(key, version string) Event {
	return Event{Op: kmsapi.OpCreateKey, Key: key, Description: "of " + key, Seen: Seen{Key: key, Version: version}}
}

func enable(key string) Event   { return of(kmsapi.OpEnableKey, key) }
func disable(key string) Event  { return of(kmsapi.OpDisableKey, key) }
func schedule(key string) Event { return of(kmsapi.OpScheduleKeyDeletion, key) }
func cancel(key string) Event   { return of(kmsapi.OpCancelKeyDeletion, key) }

func rotate(key, version string) Event {
	return Event{Op: kmsapi.OpCreateKeyVersion, Key: key, Seen: Seen{Version: version}}
}

func encrypt(key, version string) Event {
	return Event{Op: kmsapi.OpEncrypt, Key: key, Seen: Seen{Key: key, Version: version}}
}

func decrypt(key, version string) Event {
	return Event{Op: kmsapi.OpDecrypt, Key: key, Seen: Seen{Key: key, Version: version}}
}

func point1(op kmsapi.Operation, key string) Event { return Event{Op: op, Key: key, Alias: alias1} }

// byAlias is Encrypt with the alias, which has used the CMK.
func byAlias(key, version string) Event {
	return Event{Op: kmsapi.OpEncrypt, Alias: alias1, Seen: Seen{Key: key, Version: version}}
}

func describe(key string, state kmsapi.KeyState, version string) Event {
	return Event{Op: kmsapi.OpDescribeKey, Key: key, Seen: Seen{Key: key, State: state, Version: version}}
}

func listVersions(key string, newestFirst ...string) Event {
	return Event{Op: kmsapi.OpListKeyVersions, Key: key, Seen: Seen{Versions: newestFirst}}
}

func listAliases(key string, names ...string) Event {
	return Event{Op: kmsapi.OpListAliasesByKeyId, Key: key, Seen: Seen{Aliases: append([]string{}, names...)}}
}

func wrong(e Event) Event {
	e.Seen.Wrong = "another plaintext"
	return e
}
