package kmsapi

import "slices"

// IsName reports whether a parameter called param names a key, an alias or a KMS instance, in whichever operation has
// it: see [Rule]. Such a name is no secret.
func IsName(param string) bool { return slices.Contains(names, param) }

// names are the parameters of all operations that are [Rule.Named]. It is never changed.
var names = func() (found []string) {
	for i := range operationRows {
		for _, rule := range Describe(operationRows[i].request()) {
			if rule.Named && !slices.Contains(found, rule.Name) {
				found = append(found, rule.Name)
			}
		}
	}
	return found
}()
