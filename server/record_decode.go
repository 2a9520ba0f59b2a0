package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// decodeCMK reads a record. Every request about a CMK does it, and encoding/json would take a fifth of the time that the
// whole request takes; so a record that stands there exactly as this program writes it, with nothing in it to unescape, is
// read here, and every other by encoding/json.
func decodeCMK(path string, value []byte) (*cmkRecord, error) {
	if record, ok := readUsual(string(value)); ok {
		return record, nil
	}
	record := &cmkRecord{}
	if err := json.Unmarshal(value, record); err != nil {
		return nil, fmt.Errorf("record %s: %w", path, err)
	}
	return record, nil
}

// readUsual reads a record of one version and without tags. ok is false if it is any other.
func readUsual(text string) (record *cmkRecord, ok bool) {
	u := usual{rest: text}
	record = &cmkRecord{}
	record.KeyID = u.text(`{"key_id":"`)
	if strings.HasPrefix(u.rest, `,"description"`) {
		record.Description = u.text(`,"description":"`)
	}
	record.ProtectionLevel = kmsapi.ProtectionLevel(u.text(`,"protection_level":"`))
	record.CreationDate = u.time(`,"creation_date":"`)
	record.Lifecycle = u.lifecycle()
	record.PrimaryVersion = u.text(`,"primary_version":"`)
	u.literal(`,"versions":[{`)
	record.Versions = []versionRecord{u.version()}
	u.literal(`}]}`)
	return record, !u.other && u.rest == ""
}

// usual is the rest of a record that is read from its beginning to its end.
type usual struct {
	rest string
	// other is set once the record turns out not to be a usual one.
	other bool
}

func (u *usual) literal(text string) {
	rest, ok := strings.CutPrefix(u.rest, text)
	u.rest, u.other = rest, u.other || !ok
}

// text reads up to the end of a text that has nothing to unescape and begins behind before.
func (u *usual) text(before string) string {
	u.literal(before)
	for i := range len(u.rest) {
		switch c := u.rest[i]; {
		case c == '"':
			text := u.rest[:i]
			u.rest = u.rest[i+1:]
			return text
		case c < ' ' || c > '~' || c == '\\':
			u.other = true
			return ""
		}
	}
	u.other = true
	return ""
}

func (u *usual) lifecycle() keystate.Lifecycle {
	l := keystate.Lifecycle{
		State:  kmsapi.KeyState(u.text(`,"lifecycle":{"State":"`)),
		Origin: kmsapi.Origin(u.text(`,"Origin":"`)),
	}
	if l.HasMaterial = strings.HasPrefix(u.rest, `,"HasMaterial":true`); l.HasMaterial {
		u.literal(`,"HasMaterial":true`)
	} else {
		u.literal(`,"HasMaterial":false`)
	}
	l.DeleteDate = u.time(`,"DeleteDate":"`)
	l.MaterialExpireTime = u.time(`,"MaterialExpireTime":"`)
	u.literal(`}`)
	return l
}

func (u *usual) version() versionRecord {
	v := versionRecord{ID: u.text(`"id":"`), CreationDate: u.time(`,"creation_date":"`)}
	for _, field := range []struct {
		before string
		value  *[]byte
	}{{`,"wrapped":"`, &v.Wrapped}, {`,"fingerprint":"`, &v.Fingerprint}} {
		if strings.HasPrefix(u.rest, field.before) {
			*field.value = u.bytes(field.before)
		}
	}
	return v
}

// noTime is how encoding/json writes the zero time.
const noTime = "0001-01-01T00:00:00Z"

func (u *usual) time(before string) (t time.Time) {
	if text := u.text(before); text != noTime && t.UnmarshalText([]byte(text)) != nil {
		u.other = true
	}
	return t
}

func (u *usual) bytes(before string) []byte {
	decoded, err := base64.StdEncoding.DecodeString(u.text(before))
	u.other = u.other || err != nil
	return decoded
}
