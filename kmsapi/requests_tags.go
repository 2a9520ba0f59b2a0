package kmsapi

// OpTagResource is TagResource.
const OpTagResource Operation = "TagResource"

// TagResourceRequest adds tags to a CMK or a secret, and changes the values of existing ones (§4.19). It names either a
// CMK or a secret.
type TagResourceRequest struct {
	answers[TagResourceResponse]
	SecretName string
	KeyId      string
	Tags       Tags
}

// Operation returns [OpTagResource].
func (*TagResourceRequest) Operation() Operation { return OpTagResource }

func (r *TagResourceRequest) visit(v visitor) {
	visitTagged(v, &r.SecretName, &r.KeyId)
	v.structured(Rule{Name: "Tags", Required: true, Form: tagsForm}, &r.Tags)
}

// visitTagged visits the parameters that name the CMK or secret. SecretName comes first: without it, the key is
// required.
func visitTagged(v visitor, name, id *string) {
	secret, key := secretName, keyID
	secret.Required = false
	v.unserved(refused("CertificateId"))
	v.str(secret, name)
	key.Required = *name == ""
	v.str(key, id)
}

// TagResourceResponse confirms the request (§4.19).
type TagResourceResponse struct{ Reply }

// OpUntagResource is UntagResource.
const OpUntagResource Operation = "UntagResource"

// UntagResourceRequest removes tags from a CMK or a secret (§4.20). It names either one. The reference's table calls
// the parameter TagsKeys by mistake: its examples and all SDKs say TagKeys.
type UntagResourceRequest struct {
	answers[UntagResourceResponse]
	SecretName string
	KeyId      string
	TagKeys    TagKeys
}

// Operation returns [OpUntagResource].
func (*UntagResourceRequest) Operation() Operation { return OpUntagResource }

func (r *UntagResourceRequest) visit(v visitor) {
	visitTagged(v, &r.SecretName, &r.KeyId)
	v.structured(Rule{Name: "TagKeys", Required: true, Form: tagKeysForm}, &r.TagKeys)
}

// UntagResourceResponse confirms the request (§4.20).
type UntagResourceResponse struct{ Reply }

// OpListResourceTags is ListResourceTags.
const OpListResourceTags Operation = "ListResourceTags"

// ListResourceTagsRequest asks for a CMK's tags (§4.21).
type ListResourceTagsRequest struct {
	answers[ListResourceTagsResponse]
	KeyId string
}

// Operation returns [OpListResourceTags].
func (*ListResourceTagsRequest) Operation() Operation { return OpListResourceTags }

func (r *ListResourceTagsRequest) visit(v visitor) { v.str(keyID, &r.KeyId) }

// ListResourceTagsResponse lists a CMK's tags (§4.21).
type ListResourceTagsResponse struct {
	Reply
	Tags TagList
}

// TagList is the object around a list of tags on the wire.
type TagList struct{ Tag []TagEntry }

// TagEntry is one tag in a list.
type TagEntry struct {
	KeyId    string
	TagKey   string
	TagValue string
}
