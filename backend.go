package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/singleflight"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/budget"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/once"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// Version is what Vault shows as the running version, and begins with "v". Vault refuses a plugin that was registered
// with another version. The build sets it with -ldflags "-X".
var Version = "v0.2.0-dev"

// backend is one mount of the engine.
type backend struct {
	*framework.Backend
	// local has the same paths, and runs the operations that every node may run.
	local *framework.Backend

	process *process
	// batches bounds the bytes of the mount's batches.
	batches *budget.Budget
	// connections holds the connection of the stored configuration, under the name configPath.
	connections *once.Cache[connection]
	// keys holds key entries under their names.
	keys *once.Cache[keyEntry]
	// dataKeys holds the unwrapped data keys of keys in envelope mode.
	dataKeys *envelope.Mount
	// strays bounds the calls for wrapped keys that are in a ciphertext but in no row.
	strays slots
	// epochs numbers the connections.
	epochs atomic.Uint64
	// changing holds the storage paths that a request is changing right now.
	changing *once.Reservations
	// markers remembers the markers of CMKs that have no name here.
	markers *knownMarkers
	// logged keeps rollbacks, which Vault repeats every minute, from filling the log.
	logged *once.Seen
	// uncached says that Vault disables caches, so that every key entry is read from storage.
	uncached atomic.Bool
	// wrapping lets concurrent requests share one new wrapping key.
	wrapping singleflight.Group
	// pass visits the keys every hour.
	pass versionsPass
	// rereading lets concurrent requests share one read of an entry that may be stale.
	rereading singleflight.Group
}

func newBackend(
	ctx context.Context, conf *logical.BackendConfig, shared *process,
) (*backend, error) {
	if conf == nil {
		return nil, errors.New("the engine was started without a backend configuration")
	}
	b := &backend{
		process:     shared,
		batches:     budget.New(maxMountBatches, shared.batches),
		connections: once.NewCache((*connection).close),
		keys:        once.NewCache(func(*keyEntry) {}),
		dataKeys:    shared.dataKeys.Mount(),
		strays:      newSlots(maxStrays),
		changing:    once.NewReservations(),
		markers:     newKnownMarkers(),
		logged:      once.NewSeen(),
	}
	b.Backend = &framework.Backend{
		BackendType:    logical.TypeLogical,
		RunningVersion: Version,
		Help:           backendHelp,
		PathsSpecial: &logical.Paths{
			SealWrapStorage: []string{configPath, wrappingKeyPath},
			// The write-ahead log belongs to the cluster that wrote it.
			LocalStorage: []string{framework.WALPrefix},
		},
		Paths:             described(b.paths()),
		InitializeFunc:    b.initialize,
		Invalidate:        b.invalidate,
		PeriodicFunc:      b.periodic,
		WALRollback:       b.rollback,
		WALRollbackMinAge: rollbackAge,
		Clean:             b.clean,
	}
	b.local = &framework.Backend{BackendType: logical.TypeLogical, Paths: b.Paths}
	if err := errors.Join(b.Setup(ctx, conf), b.local.Setup(ctx, withoutRole(conf))); err != nil {
		return nil, err
	}
	// The first Route compiles the patterns of all paths. The two backends share them, so they must not do it at the
	// same time.
	b.Route("")
	b.local.Route("")
	return b, nil
}

// paths lists the hot paths first, because the framework compares a request with them one by one.
func (b *backend) paths() []*framework.Path {
	return slices.Concat(
		b.encryptPaths(),
		b.decryptPaths(),
		b.rewrapPaths(),
		b.dataKeyPaths(),
		b.signPaths(),
		b.verifyPaths(),
		b.hmacPaths(),
		b.randomPaths(),
		b.hashPaths(),
		b.configPaths(),
		b.rotateRootPaths(),
		b.transitConfigPaths(),
		b.keyPaths(),
		b.keyConfigPaths(),
		b.keyStatePaths(),
		b.rotatePaths(),
		b.trimPaths(),
		b.registerPaths(),
		b.deregisterPaths(),
		b.tagPaths(),
		b.importPaths(),
		b.materialPaths(),
		b.wrappingKeyPaths(),
		b.exportPaths(),
		b.aliasPaths(),
		b.cmkPaths(),
		b.regionPaths(),
		b.healthPaths(),
	)
}

// A noRole is a system view for operations that run on any node. The framework asks for the node's role in replication
// before every operation: over gRPC, from the plugin's process to Vault and back, which would slow down a warm encrypt.
type noRole struct{ logical.SystemView }

func (noRole) ReplicationState() consts.ReplicationState { return consts.ReplicationUnknown }

func withoutRole(conf *logical.BackendConfig) *logical.BackendConfig {
	local := *conf
	local.System = noRole{conf.System}
	return &local
}

// initialize asks Vault for what Factory must not ask, since Factory does no I/O.
func (b *backend) initialize(context.Context, *logical.InitializationRequest) error {
	b.uncached.Store(b.System().CachingDisabled())
	return nil
}

// HandleRequest finds the path of a request, checks its fields, runs it if this node may, and turns an error into one
// that survives the way to Vault.
func (b *backend) HandleRequest(ctx context.Context, req *logical.Request) (*logical.Response, error) {
	path := b.Route(req.Path)
	if path == nil && req.Operation == logical.ListOperation { // Vault adds a slash, which only lists have.
		path = b.Route(strings.TrimSuffix(req.Path, "/"))
	}
	remarks, err := b.checkFields(path, req)
	if err != nil {
		return nil, err
	}
	resp, err := b.runnerOf(path, req.Operation).HandleRequest(b.traced(ctx, req), req)
	if err != nil {
		return nil, ended(ctx, b.coded(req, err))
	}
	if req.Operation == logical.HelpOperation {
		b.publish(resp)
	}
	return remarks.Warn(resp), nil
}

// checkFields checks a request's operation and fields against its path, converts each field to the Go type of its
// schema, and returns what the caller should be warned of. Only operations without fields need no path.
func (b *backend) checkFields(path *framework.Path, req *logical.Request) (remarks fields.Remarks, err error) {
	if !fields.Carry(req.Operation) {
		return remarks, nil
	}
	if path == nil {
		if err := checkAbsent(req); err != nil {
			return remarks, err
		}
		return remarks, fields.UnknownPath(b.Paths, mount(req), req.Path)
	}
	if err := fields.CheckOperation(path, req.Operation, mount(req), req.Path); err != nil {
		return remarks, err
	}
	given := fields.BesidesPath(path, req.Path, req.Operation, req.Data)
	req.Data, remarks, err = fields.Check(path.Fields, req.Operation, given)
	return remarks, err
}

// runnerOf returns the backend that runs an operation of path: the one for the primary, or the one that every node may
// use.
func (b *backend) runnerOf(path *framework.Path, op logical.Operation) *framework.Backend {
	if path == nil || path.Operations[op] == nil {
		return b.Backend
	}
	where := path.Operations[op].Properties()
	if where.ForwardPerformanceStandby || where.ForwardPerformanceSecondary {
		return b.Backend
	}
	return b.local
}

// HandleExistenceCheck decides between the create and the update capability. The framework sees the request without its
// fields: it would report bad ones as errors, which Vault logs, while HandleRequest answers them.
func (b *backend) HandleExistenceCheck(ctx context.Context, req *logical.Request) (checkFound, exists bool, err error) {
	bare := &logical.Request{Operation: req.Operation, Path: req.Path, Storage: req.Storage}
	return b.Backend.HandleExistenceCheck(ctx, bare)
}

// invalidate drops what is cached for a storage path that changed on another node. The path may also be a prefix.
func (b *backend) invalidate(_ context.Context, path string) {
	if strings.HasPrefix(configPath, path) {
		b.forgetConnection()
	}
	if name, ok := strings.CutPrefix(path, keyPrefix); ok && name != "" {
		b.forgetKey(name)
	}
	if strings.HasPrefix(keyPrefix, path) {
		b.keys.ForgetAll()
		b.dataKeys.DropAll()
	}
}

// forgetKey drops what is cached of a key. The entry goes first: a request that still has the old entry may unwrap data
// keys of it meanwhile, and these are dropped next.
func (b *backend) forgetKey(name string) {
	b.keys.Forget(name)
	b.dataKeys.Drop(name)
}

// forgetConnection drops the connection and the data keys unwrapped over it.
func (b *backend) forgetConnection() {
	b.connections.ForgetAll()
	b.dataKeys.DropAll()
}

// clean releases what the mount holds in this process.
func (b *backend) clean(context.Context) {
	b.connections.ForgetAll()
	b.dataKeys.Close()
}

// reserveKey keeps other requests from changing the key called name until release is called.
func (b *backend) reserveKey(name string) (release func(), err error) {
	return b.reserve(keyPrefix+name, fmt.Sprintf("key %q", name))
}

// reserve keeps other requests from changing the storage path until release is called.
func (b *backend) reserve(path, what string) (release func(), err error) {
	release, ok := b.changing.Take(path)
	if !ok {
		return nil, refusal.Conflict("%s is being created or changed by another request; try again when that is done", what)
	}
	return release, nil
}

const backendHelp = `
The alicloudkms engine encrypts, decrypts and makes data keys with KMS keys of Alibaba Cloud KMS.
The keys never leave KMS, and Vault's policies control their use.

    vault write alicloudkms/config region=cn-hangzhou access_key=LTAI... secret_key=@FILE
    vault write -f alicloudkms/keys/payroll
    vault write alicloudkms/encrypt/payroll plaintext="$(echo -n hello | base64)"
    vault write alicloudkms/decrypt/payroll ciphertext=vault:v1:...
`
