package house

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	pathpkg "path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/alicloudkms/vault-plugin-secrets-alicloudkms"

// room is a folder, including the packages below it.
type room struct {
	// imports are the other rooms whose packages it may import.
	imports []string
	// tests are the rooms that its tests may also import.
	tests []string
	// anything marks rooms that no other imports; they may import every room.
	anything bool
	// alone marks rooms of a single package: those below it are rooms of their own.
	alone bool
	// onlyStandard forbids other modules in code that ships.
	onlyStandard bool
}

// goPackage is what `go list -json` reports about a package.
type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportArrowsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		t.Run(p.ImportPath, func(t *testing.T) {
			require.NoError(t, check(p))
		})
	}
}

func TestRoomsInThePlanExist(t *testing.T) {
	found := map[string]bool{}
	for _, p := range packages(t) {
		found[roomOf(p.ImportPath)] = true
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(rooms)), slices.Collect(maps.Keys(found)))
}

func TestArrowsThatPointUpAreFound(t *testing.T) {
	for name, p := range map[string]goPackage{
		"the engine imports the service": {ImportPath: module, Imports: []string{module + "/server"}},
		"the service imports the client": {
			ImportPath: module + "/server/internal/crypt",
			Imports:    []string{module + "/client"},
		},
		"the contract imports another room":   {ImportPath: module + "/kmsapi", Imports: []string{module + "/signature"}},
		"the contract imports another module": {ImportPath: module + "/kmsapi", Imports: []string{"github.com/google/uuid"}},
		"the client imports the root package": {ImportPath: module + "/client", Imports: []string{module}},
		"a test imports a room outside of the plan": {
			ImportPath:   module + "/kmsapi",
			XTestImports: []string{module + "/client"},
		},
		"a package outside of all rooms":  {ImportPath: module + "/util"},
		"a cipher imports anything of us": {ImportPath: module + "/internal/xaes", Imports: []string{module + "/kmsapi"}},
		"a cipher imports another module": {
			ImportPath: module + "/internal/xaes",
			Imports:    []string{"github.com/google/uuid"},
		},
		"a mechanism imports the engine": {ImportPath: module + "/internal/fields", Imports: []string{module}},
		"a mechanism imports another": {
			ImportPath: module + "/internal/refusal",
			Imports:    []string{module + "/internal/once"},
		},
		"a mechanism that is in no room":      {ImportPath: module + "/internal/util"},
		"the store imports the keyring":       serverArrow("store", "keyring"),
		"the keyring imports an engine":       serverArrow("keyring", "store/bolt"),
		"the keyring imports the gate":        serverArrow("keyring", "gate"),
		"the keyring imports the API":         serverArrow("keyring", "api"),
		"the API imports the gate":            serverArrow("api", "gate"),
		"the API imports the store":           serverArrow("api", "store"),
		"the gate imports the edge":           serverArrow("gate", "edge"),
		"the gate imports the store":          serverArrow("gate", "store"),
		"the edge imports the keyring":        serverArrow("edge", "keyring"),
		"the edge imports the peers":          serverArrow("edge", "peers"),
		"the peers import the keyring":        serverArrow("peers", "keyring"),
		"the audit log imports the store":     serverArrow("audit", "store"),
		"a list imports cryptography":         serverArrow("list", "crypt"),
		"an operator's room imports the API":  serverArrow("ops", "api"),
		"a room of the service is in no plan": {ImportPath: module + "/server/internal/util"},
		"a room of the service imports it": {
			ImportPath: module + "/server/internal/ops",
			Imports:    []string{module + "/server"},
		},
		"the service imports the SM algorithms": {
			ImportPath: module + "/server", Imports: []string{module + "/server/sm"},
		},
		"the service imports their library": {
			ImportPath: module + "/server/internal/crypt", Imports: []string{"github.com/emmansun/gmsm/sm4"},
		},
		"a test of the client imports their library": {
			ImportPath: module + "/client", XTestImports: []string{"github.com/emmansun/gmsm/sm2"},
		},
		"a command imports their library": {
			ImportPath: module + "/cmd/alicloudkms", Imports: []string{"github.com/emmansun/gmsm/sm2"},
		},
		"the engine reaches into the service": {ImportPath: module, Imports: []string{module + "/server/internal/config"}},
	} {
		t.Run(name, func(t *testing.T) { require.Error(t, check(p)) })
	}
}

// serverArrow is a package of the service that imports another.
func serverArrow(from, to string) goPackage {
	const below = module + "/server/internal/"
	return goPackage{ImportPath: below + from, Imports: []string{below + to}}
}

// check returns an error for each import of p that the plan does not allow.
func check(p goPackage) error {
	name := roomOf(p.ImportPath)
	r, ok := rooms[name]
	if !ok {
		return errors.New(p.ImportPath + " is in no room: add it to the plan, or move it where it belongs")
	}
	var errs []error
	for _, target := range p.Imports {
		errs = append(errs, r.checkArrow(name, target, r.imports))
		if r.onlyStandard && isOtherModule(target) {
			errs = append(errs, errors.New(name+" imports "+target+", and may use the standard library only"))
		}
	}
	for _, target := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		errs = append(errs, checkGuard(name, target))
	}
	for _, target := range slices.Concat(p.TestImports, p.XTestImports) {
		errs = append(errs, r.checkArrow(name, target, slices.Concat(r.imports, r.tests)))
	}
	return errors.Join(errs...)
}

// checkGuard returns an error if target is of a module that the room must not import.
func checkGuard(from, target string) error {
	for name, allowed := range guarded {
		if isBelow := target == name || strings.HasPrefix(target, name+"/"); isBelow && !slices.Contains(allowed, from) {
			return errors.New(from + " must not import " + target + ", which only " + strings.Join(allowed, " and ") + " may")
		}
	}
	return nil
}

func (r room) checkArrow(from, target string, allowed []string) error {
	to := roomOf(target)
	if to == "" || to == from || r.anything || slices.Contains(allowed, to) {
		return nil
	}
	return errors.New(from + " must not import " + target)
}

// roomOf returns the room of a package, or "" for packages of other modules. Rooms may be in folders, and in one
// another: the innermost counts.
func roomOf(path string) string {
	if path == module {
		return "."
	}
	name, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return ""
	}
	for folder := name; folder != "."; folder = pathpkg.Dir(folder) {
		if r, ok := rooms[folder]; ok && (folder == name || !r.alone) {
			return folder
		}
	}
	return name
}

// isOtherModule reports whether path is neither ours nor the standard library's, whose paths have no dot in their first
// element.
func isOtherModule(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return roomOf(path) == "" && strings.Contains(first, ".")
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	var found []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		found = append(found, p)
	}
	require.NotEmpty(t, found)
	return found
}
