package gate

import (
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// WriteDigest writes everything in which two sets of credentials may differ, including secrets, tokens and permissions,
// to h, a keyed hash. Errors are those of h; a hash returns none.
func (c Credentials) WriteDigest(h io.Writer) error {
	for _, id := range slices.Sorted(maps.Keys(c)) {
		if err := writeAll(h, c[id].digested()); err != nil {
			return err
		}
	}
	return nil
}

// digested returns all of a credential, each list after its length.
func (k *credential) digested() []string {
	all := []string{
		k.account, k.id, k.secret.Reveal(), strconv.FormatBool(k.inactive), k.token.Reveal(),
		k.expires.UTC().Format(time.RFC3339Nano), strconv.FormatBool(k.permissions.everything),
		strconv.Itoa(len(k.permissions.allowed)),
	}
	for _, a := range k.permissions.allowed {
		for _, list := range [][]string{a.Actions, a.Resources} {
			all = append(append(all, strconv.Itoa(len(list))), list...)
		}
	}
	return all
}

// writeAll writes each string after its length, so that different lists are written differently.
func writeAll(w io.Writer, all []string) error {
	for _, s := range all {
		if _, err := w.Write(binary.AppendUvarint(nil, uint64(len(s)))); err != nil {
			return err
		}
		if _, err := io.WriteString(w, s); err != nil {
			return err
		}
	}
	return nil
}
