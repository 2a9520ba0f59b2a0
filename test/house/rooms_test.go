package house

import (
	"slices"
	"strings"
)

// rooms is the plan of the house: imports that it does not list are forbidden, and so are packages outside of its
// rooms. "." is the root package alone.
var rooms = map[string]room{
	"kmsapi":    {imports: []string{"internal/guess"}, onlyStandard: true},
	"signature": {imports: []string{"kmsapi"}, onlyStandard: true},
	"client": {
		imports: []string{"internal/curvekey", "internal/servercert", "kmsapi", "signature"},
		tests:   []string{"internal/heldport", "kmstest", "server"},
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
		tests: []string{"internal/openssl", "internal/testlog", "kmstest", "server"},
	},
	"kmstest": {
		imports: []string{"client", "internal/heldport", "internal/testlog", "kmsapi", "server"},
		tests:   []string{"signature"},
	},
	".": {
		imports: []string{
			"client", "credentials", "envelope", "kmsapi", "signature",
			"internal/advice", "internal/budget", "internal/cloudcall", "internal/fields", "internal/input", "internal/keywrap",
			"internal/listing", "internal/once", "internal/publickey", "internal/ram", "internal/refusal", "internal/reserved",
			"internal/servercert", "internal/signing", "internal/sm2", "internal/versions",
		},
		tests: []string{
			"internal/heldport", "internal/sm2key", "internal/sm3", "internal/testlog", "kmstest", "server", "server/sm",
		},
	},
	"cmd":  {anything: true},
	"test": {anything: true},

	// What to say about KMS's refusals, for engine and seal.
	"internal/advice": {imports: []string{"kmsapi"}, onlyStandard: true},
	// What the plugins' executables say to people.
	"internal/byhand": {onlyStandard: true},
	// What a misspelt name was probably meant to be, for every message that has a list of the right ones.
	"internal/guess": {onlyStandard: true},
	// Requests to STS and RAM, for whatever sends them.
	"internal/cloudcall": {imports: []string{"internal/servercert", "kmsapi"}, onlyStandard: true},
	// The names in a certificate that is not trusted, for whatever connects.
	"internal/servercert": {imports: []string{"internal/printable"}, onlyStandard: true},
	// Other people's text in messages, logs and reports.
	"internal/printable": {onlyStandard: true},
	// Sockets for only one user, for service and tool.
	"internal/unixsocket": {onlyStandard: true},
	// Keys of the engine as their users reach them, through Vault.
	"internal/vaultkey": {tests: []string{"internal/heldport"}},
	// Kubernetes' data keys, for the tool. It is not part of the tool because the API server's code tests it in another
	// module.
	"internal/kmsprovider": {
		imports: []string{
			"client", "internal/input", "internal/printable", "internal/unixsocket", "internal/vaultkey", "internal/versions",
			"kmsapi",
		},
		tests: []string{"internal/testlog", "kmstest"},
	},
	// Words of the shell, in commands that messages print.
	"internal/shell": {onlyStandard: true},
	// The names in encryption contexts that are ours, for whatever encrypts.
	"internal/reserved": {onlyStandard: true},
	// Strings that people paste or keep in files, for whatever reads them.
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
	// Public keys of KMS, for whatever checks signatures.
	"internal/publickey": {imports: []string{"kmsapi"}, onlyStandard: true},
	// The variables that say which KMS is called, and with which credentials, for the commands.
	"internal/environment": {imports: []string{"client", "credentials", "internal/input", "kmsapi"}, onlyStandard: true},
	// etcd for tests, as processes.
	"internal/etcdtest": {imports: []string{"internal/freeze", "internal/heldport", "internal/link"}},
	// Processes that hang, for tests.
	"internal/freeze": {},
	// What is logged in tests.
	"internal/testlog": {onlyStandard: true},
	// Ports for servers that tests stop and start again.
	"internal/heldport": {onlyStandard: true},
	// Networks that fail, for tests.
	"internal/link": {onlyStandard: true, tests: []string{"internal/heldport"}},
	// The engine's mechanisms, which know no path.
	"internal/budget":  {onlyStandard: true},
	"internal/fields":  {imports: []string{"internal/guess", "internal/input", "internal/refusal", "kmsapi"}},
	"internal/keywrap": {imports: []string{"kmsapi"}},
	"internal/listing": {imports: []string{"internal/refusal"}},
	"internal/once":    {onlyStandard: true},
	"internal/ram": {
		imports: []string{"client", "internal/cloudcall", "kmsapi", "signature"}, tests: []string{"internal/heldport"},
	},
	"internal/refusal": {},
	"internal/signing": {
		imports: []string{"internal/refusal", "internal/sm2", "kmsapi"}, tests: []string{"internal/sm3"},
	},
	// SM2 without its arithmetic, and the only package that gives the engine SM3.
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
			"client", "internal/etcdtest", "internal/heldport", "internal/openssl", "internal/sm2key", "internal/sm4gcm",
			"internal/testlog", "kmstest", "server/etcd", "server/servertest", "server/sm",
			"server/internal/store/storetest", "signature",
		},
	},
	// What a program links for the SM algorithms.
	"server/sm": {imports: serverRooms(
		"asymmetric", "crypt", "wrapping", "internal/curvekey", "internal/sm2key", "internal/sm4gcm", "kmsapi",
	)},
	// What a program links for a service on several machines.
	"server/etcd": {
		imports: serverRooms("cluster", "store/etcd"),
		tests:   append(serverRooms("pki", "kmsapi", "server"), "client", "internal/etcdtest", "internal/testlog"),
	},
	// The files of a new service.
	"server/setup": {
		imports: serverRooms(
			"config", "crypt", "peers", "pki", "private", "internal/durable", "internal/guess", "internal/shell", "kmsapi",
		),
		tests: []string{"client", "internal/heldport", "kmsapi", "server", "server/internal/peers", "signature"},
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
		tests: serverRooms(
			"store/storetest", "internal/etcdtest", "internal/freeze", "internal/link", "internal/testlog", "kmsapi",
		),
	},
	"server/internal/store/storetest": {imports: serverRooms("store", "store/bolt", "internal/testlog")},
	// The links between the nodes of a cluster.
	"server/internal/peers": {
		imports: serverRooms("cluster", "edge"), tests: serverRooms("pki", "internal/link", "internal/testlog"),
	},
	"server/internal/pki":      {onlyStandard: true},
	"server/internal/replay":   {},
	"server/internal/wrapping": {imports: serverRooms("fair", "kmsapi")},
	"server/internal/audit":    {imports: []string{"internal/printable", "kmsapi"}},
	// What operators see of the service, which it gets as functions.
	"server/internal/ops": {imports: serverRooms("connlimit", "private", "internal/unixsocket", "kmsapi")},
	// Files that hold secrets, by one rule.
	"server/internal/private": {imports: []string{"internal/shell"}, onlyStandard: true},
	// Published test vectors for the service's cryptography.
	"server/internal/vectors": {
		tests: serverRooms("wrapping", "internal/publickey", "internal/signing", "internal/xaes", "kmsapi"),
	},
}

// serverRooms returns the paths of rooms, whose names may leave out server/internal.
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
