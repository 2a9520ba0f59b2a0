package seal

import (
	"context"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// An oldHost is the host's side of the seal in OpenBao 2.6, written with the names and numbers on the wire, since its
// Go packages can't be linked together with today's.
type oldHost struct {
	goplugin.NetRPCUnsupportedPlugin
	conn *grpc.ClientConn
}

func (*oldHost) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { panic("it is the host") }

func (o *oldHost) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	o.conn = conn
	return o, nil
}

// A wire is an encoded message.
type wire []byte

func (w wire) bytes(number protowire.Number, value []byte) wire {
	return protowire.AppendBytes(protowire.AppendTag(w, number, protowire.BytesType), value)
}

// field returns the field of bytes with that number, or nil.
func (w wire) field(number protowire.Number) []byte {
	for len(w) > 0 {
		found, kind, n := protowire.ConsumeTag(w)
		if n < 0 {
			return nil
		}
		w = w[n:]
		size := protowire.ConsumeFieldValue(found, kind, w)
		if size < 0 {
			return nil
		}
		if found == number && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(w)
			return value
		}
		w = w[size:]
	}
	return nil
}

// A wireCodec passes messages as they are. It has the name of gRPC's own codec.
type wireCodec struct{}

func (wireCodec) Marshal(v any) ([]byte, error)      { return v.(wire), nil }
func (wireCodec) Unmarshal(data []byte, v any) error { *v.(*wire) = wire(data); return nil }
func (wireCodec) Name() string                       { return "proto" }

func (o *oldHost) call(t *testing.T, method string, request wire) (answer wire) {
	t.Helper()
	err := o.conn.Invoke(t.Context(), "/pb.Wrapper/"+method, request, &answer, grpc.ForceCodec(wireCodec{}))
	require.NoError(t, err, method)
	return answer
}

// Field numbers of OpenBao 2.6.
const (
	ofWrapperID, ofPlaintext, ofCiphertext, ofOptions = 1, 10, 10, 20
	ofConfigMap, ofAAD                                = 30, 20
)

func TestAHostOfOpenBao26FindsTheSeal(t *testing.T) {
	r := newRig(t)
	process := goplugin.NewClient(&goplugin.ClientConfig{
		// The cookie, the version of the protocol and the name of the plugin, as OpenBao 2.6 has them.
		HandshakeConfig: goplugin.HandshakeConfig{
			MagicCookieKey: "OPENBAO_KMS_PLUGIN", MagicCookieValue: "39704a18-7da7-4bda-9a2d-f7c488d70328",
		},
		VersionedPlugins: map[int]goplugin.PluginSet{1: {"wrapper": &oldHost{}}},
		Cmd:              pluginCommand(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(process.Kill)
	conn, err := process.Client()
	require.NoError(t, err)
	raw, err := conn.Dispense("wrapper")
	require.NoError(t, err)
	host := raw.(*oldHost)

	var options wire
	for name, value := range r.settings(nil) {
		options = options.bytes(ofConfigMap, wire(nil).bytes(1, []byte(name)).bytes(2, []byte(value)))
	}
	id := host.call(t, "SetConfig", wire(nil).bytes(ofOptions, options)).field(ofWrapperID)
	require.NotEmpty(t, id)
	of := wire(nil).bytes(ofWrapperID, id)
	require.Equal(t, "alicloudkms", string(host.call(t, "Type", of).field(10)))
	require.Equal(t, r.key, string(host.call(t, "KeyId", of).field(10)))
	host.call(t, "Init", of)

	aad := wire(nil).bytes(ofAAD, []byte("a path"))
	sealed := host.call(t, "Encrypt", of.bytes(ofPlaintext, []byte("root key")).bytes(ofOptions, aad)).field(ofCiphertext)
	require.NotEmpty(t, sealed)
	opened := host.call(t, "Decrypt", of.bytes(ofCiphertext, sealed).bytes(ofOptions, aad)).field(ofPlaintext)
	require.Equal(t, "root key", string(opened))
	host.call(t, "Finalize", of)
}
