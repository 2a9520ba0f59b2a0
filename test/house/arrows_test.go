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

// rooms is the plan of the house: imports that it does not list are forbidden, and so are packages outside of its
// rooms. "." is the root package alone.
var rooms = map[string]room{
	"kmsapi":    {imports: []string{"internal/guess"}, onlyStandard: true},
	"signature": {imports: []string{"kmsapi"}, onlyStandard: true},
	"client": {
		imports: []string{"internal/curvekey", "internal/servercert", "kmsapi", "signature"},
		tests:   []string{"kmstest", "server"},
	},
	"credentials": {
		imports: []string{"client", "internal/cloudcall", "internal/input", "kmsapi", "signature"},
		tests:   []string{"kmstest", "server"},
	},
	"seal": {
		imports: []string{
			"client", "credentials", "kmsapi", "signature",
			"internal/advice", "internal/guess", "internal/input", "internal/once", "internal/publickey", "internal/reserved",
			"internal/servercert",
		},
		tests: []string{"internal/openssl", "kmstest", "server"},
	},
	"kmstest": {imports: []string{"client", "kmsapi", "server"}, tests: []string{"signature"}},
	".": {
		imports: []string{
			"client", "credentials", "envelope", "kmsapi", "signature",
			"internal/advice", "internal/budget", "internal/cloudcall", "internal/fields", "internal/input", "internal/keywrap",
			"internal/listing", "internal/once", "internal/publickey", "internal/ram", "internal/refusal", "internal/reserved",
			"internal/servercert", "internal/signing", "internal/sm2", "internal/versions",
		},
		tests: []string{"internal/sm2key", "internal/sm3", "kmstest", "server", "server/sm"},
	},
	"cmd":  {anything: true},
	"test": {anything: true},

	// What to say of KMS's refusals, for engine and seal.
	"internal/advice": {imports: []string{"kmsapi"}, onlyStandard: true},
	// What the plugins' executables say to people.
	"internal/byhand": {onlyStandard: true},
	// What a misspelt name was probably meant to be, for every message that has a list of the right ones.
	"internal/guess": {onlyStandard: true},
	// Requests to STS and RAM, for all that sends any.
	"internal/cloudcall": {imports: []string{"internal/servercert", "kmsapi"}, onlyStandard: true},
	// Which names a certificate has that is not trusted, for all that connects.
	"internal/servercert": {imports: []string{"internal/printable"}, onlyStandard: true},
	// Other people's text in messages, logs and reports.
	"internal/printable": {onlyStandard: true},
	// Sockets for one user alone, for service and tool.
	"internal/unixsocket": {onlyStandard: true},
	// Keys of the engine as their users reach them, through Vault.
	"internal/vaultkey": {},
	// Kubernetes' data keys, for the tool. It is no part of it because the API server's code tests it in another module.
	"internal/kmsprovider": {
		imports: []string{
			"client", "internal/input", "internal/printable", "internal/unixsocket", "internal/vaultkey", "internal/versions",
			"kmsapi",
		},
		tests: []string{"kmstest"},
	},
	// Words of the shell, in commands that messages print.
	"internal/shell": {onlyStandard: true},
	// Names in encryption contexts that are ours, for all that encrypts.
	"internal/reserved": {onlyStandard: true},
	// What people paste or keep in files, for all that reads it.
	"internal/input": {onlyStandard: true},
	// Messages and files under data keys, for engine and tool.
	"envelope": {imports: []string{"internal/xaes", "kmsapi"}, tests: []string{"internal/coredump"}},
	// Files that survive a power loss, for service and tool.
	"internal/durable": {onlyStandard: true},
	// Cryptography that engine, service and tool share.
	"internal/xaes": {onlyStandard: true, tests: []string{"internal/coredump"}},
	// The cipher of SM4 keys, for the programs that link it.
	"internal/sm4gcm": {tests: []string{"internal/coredump"}},
	// Keys on curves that the standard library does not know, as they are written.
	"internal/curvekey": {onlyStandard: true},
	// Key pairs on SM2, for whatever program links their library.
	"internal/sm2key": {imports: []string{"internal/curvekey", "kmsapi"}},
	// What the memory of a process holds, for the tests of whatever erases keys.
	"internal/coredump": {onlyStandard: true},
	// A second opinion on cryptography, for tests.
	"internal/openssl": {},
	// Public keys of KMS, for all that checks signatures.
	"internal/publickey": {imports: []string{"kmsapi"}, onlyStandard: true},
	// The variables that say which KMS is called, and as whom, for the commands.
	"internal/environment": {imports: []string{"client", "credentials", "internal/input", "kmsapi"}, onlyStandard: true},
	// etcd for tests, as processes.
	"internal/etcdtest": {imports: []string{"internal/link"}},
	// Networks that fail, for tests.
	"internal/link": {onlyStandard: true},
	// The engine's mechanisms, which know no path.
	"internal/budget":  {onlyStandard: true},
	"internal/fields":  {imports: []string{"internal/guess", "internal/input", "internal/refusal", "kmsapi"}},
	"internal/keywrap": {imports: []string{"kmsapi"}},
	"internal/listing": {imports: []string{"internal/refusal"}},
	"internal/once":    {onlyStandard: true},
	"internal/ram": {
		imports: []string{"client", "internal/cloudcall", "kmsapi", "signature"},
	},
	"internal/refusal": {},
	"internal/signing": {
		imports: []string{"internal/refusal", "internal/sm2", "kmsapi"}, tests: []string{"internal/sm3"},
	},
	// SM2 without its arithmetic, and the one package that gives the engine SM3.
	"internal/sm2": {
		imports: []string{"internal/curvekey"}, onlyStandard: true, tests: []string{"internal/signing", "internal/sm3"},
	},
	"internal/sm3":      {imports: []string{"internal/signing"}},
	"internal/versions": {onlyStandard: true},

	// The service: its face, which wires its rooms, and these in the order in which a request passes through them.
	"server": {
		alone: true,
		imports: serverRooms(
			"config", "connlimit", "edge", "gate", "api", "keyring", "ops",
			"asymmetric", "audit", "cluster", "crypt", "fair", "peers", "pki", "private", "replay", "store", "store/bolt",
			"wrapping",
			"internal/durable",
			"internal/input", "internal/unixsocket", "kmsapi",
		),
		tests: []string{
			"client", "internal/etcdtest", "internal/openssl", "internal/sm2key", "internal/sm4gcm", "kmstest", "server/etcd",
			"server/servertest", "server/sm", "server/internal/store/storetest", "signature",
		},
	},
	// What a program links for the SM algorithms.
	"server/sm": {imports: serverRooms(
		"asymmetric", "crypt", "wrapping", "internal/curvekey", "internal/sm2key", "internal/sm4gcm", "kmsapi",
	)},
	// What a program links for a service on several machines.
	"server/etcd": {
		imports: serverRooms("cluster", "store/etcd"),
		tests:   append(serverRooms("pki", "kmsapi", "server"), "client", "internal/etcdtest"),
	},
	// The files of a new service.
	"server/setup": {
		imports: serverRooms(
			"config", "crypt", "peers", "pki", "private", "internal/durable", "internal/guess", "internal/shell", "kmsapi",
		),
		tests: []string{"client", "kmsapi", "server", "server/internal/peers", "signature"},
	},
	"server/servertest": {
		imports: serverRooms("cluster", "crypt", "keyring", "store", "store/bolt", "kmsapi", "server"),
	},
	"server/internal/connlimit": {onlyStandard: true},
	"server/internal/config":    {imports: []string{"internal/guess", "internal/input", "kmsapi"}},
	"server/internal/edge":      {imports: serverRooms("audit", "gate", "kmsapi")},
	"server/internal/gate": {
		imports: serverRooms(
			"api", "audit", "config", "private", "replay", "internal/guess", "internal/input", "kmsapi", "signature",
		),
	},
	"server/internal/api": {
		imports: serverRooms(
			"asymmetric", "config", "crypt", "fair", "keyindex", "keyring", "keystate", "stages", "wrapping", "kmsapi",
		),
	},
	"server/internal/keyring": {
		imports: serverRooms(
			"asymmetric", "crypt", "keyindex", "keystate", "list", "stages", "store", "internal/printable", "kmsapi",
		),
		tests: []string{"server/internal/store/bolt", "server/sm"},
	},
	"server/internal/crypt": {
		imports: serverRooms("internal/durable", "private", "internal/xaes", "kmsapi"), tests: []string{"internal/sm4gcm"},
	},
	"server/internal/asymmetric": {imports: serverRooms("fair", "internal/curvekey", "kmsapi")},
	"server/internal/fair":       {onlyStandard: true},
	"server/internal/keystate":   {imports: []string{"kmsapi"}},
	"server/internal/stages":     {imports: []string{"kmsapi"}},
	"server/internal/keyindex":   {onlyStandard: true},
	"server/internal/list":       {imports: serverRooms("store"), tests: serverRooms("store/bolt")},
	"server/internal/store":      {alone: true},
	"server/internal/store/bolt": {
		imports: serverRooms("store", "store/group", "internal/durable"), tests: serverRooms("store/storetest"),
	},
	// Group commit, for every engine.
	"server/internal/store/group": {imports: serverRooms("store")},
	// What a service on several machines needs, whatever the store.
	"server/internal/cluster": {imports: serverRooms("store", "kmsapi")},
	"server/internal/store/etcd": {
		imports: serverRooms("cluster", "store", "store/bolt", "store/group"),
		tests:   serverRooms("store/storetest", "internal/etcdtest", "internal/link", "kmsapi"),
	},
	"server/internal/store/storetest": {imports: serverRooms("store", "store/bolt")},
	// The links between the nodes of a cluster.
	"server/internal/peers": {
		imports: serverRooms("cluster", "edge"), tests: serverRooms("pki", "internal/link"),
	},
	"server/internal/pki":      {onlyStandard: true},
	"server/internal/replay":   {},
	"server/internal/wrapping": {imports: serverRooms("fair", "kmsapi")},
	"server/internal/audit":    {imports: []string{"internal/printable", "kmsapi"}},
	// What operators see of the service it gets as functions.
	"server/internal/ops": {imports: serverRooms("private", "internal/unixsocket", "kmsapi")},
	// Files that hold secrets, by one rule.
	"server/internal/private": {imports: []string{"internal/shell"}, onlyStandard: true},
	// Published test vectors for the service's cryptography.
	"server/internal/vectors": {
		tests: serverRooms("wrapping", "internal/publickey", "internal/signing", "internal/xaes", "kmsapi"),
	},
}

// serverRooms returns the paths of rooms, of which those of one word that are below server have their last part alone.
func serverRooms(names ...string) []string {
	for i, name := range names {
		if !strings.HasPrefix(name, "internal/") && !slices.Contains([]string{"kmsapi", "signature", "server"}, name) {
			names[i] = "server/internal/" + name
		}
	}
	return names
}

// guarded are modules that only some rooms may import, so that no other room makes a program link them.
var guarded = map[string][]string{
	"github.com/emmansun/gmsm": {"internal/sm2key", "internal/sm3", "internal/sm4gcm"},
	"go.etcd.io/etcd":          {"internal/etcdtest", "server/internal/store/etcd"},
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

// roomOf returns the room of a package, or "" for packages of other modules. Rooms may lie in folders, and in one
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
