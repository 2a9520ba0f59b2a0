package kmsapi

import (
	"slices"
	"strings"
)

// IsName reports whether a parameter called param names a key, an alias, a secret or a KMS instance in any operation:
// see [Rule]. Its value may be shown. For a numbered list, the parameters are the items that a request may have.
func IsName(param string) bool {
	if slices.Contains(names, param) {
		return true
	}
	list, number, ok := strings.Cut(param, ".")
	if !ok || list != resourceIDs.Name {
		return false
	}
	n, err := itemNumber(number)
	return err == nil && n <= resourceIDs.Max
}

// names are the parameters of all operations that are [Rule.Named]. It is never changed.
var names = func() (found []string) {
	for i := range operationRows {
		for _, rule := range Describe(operationRows[i].request()) {
			if rule.Named && rule.Type != TypeNumbered && !slices.Contains(found, rule.Name) {
				found = append(found, rule.Name)
			}
		}
	}
	return found
}()
