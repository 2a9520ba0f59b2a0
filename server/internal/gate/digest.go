package gate

import (
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// WriteDigest writes to h, which is a keyed hash, everything by which two sets of credentials may differ: secrets,
// tokens and permissions too. Errors are those of h, which a hash never returns.
func (c Credentials) WriteDigest(h io.Writer) error {
	for _, id := range slices.Sorted(maps.Keys(c)) {
		if err := writeAll(h, c[id].digested()); err != nil {
			return err
		}
	}
	return nil
}

// digested is all of a credential, its lists each after its length.
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

// writeAll writes each of all after its length, so that no two lists are written alike.
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
