package kmsapi

// OpTagResource is TagResource.
const OpTagResource Operation = "TagResource"

// TagResourceRequest adds tags to a CMK, and changes the values of those that it has (§4.19).
type TagResourceRequest struct {
	answers[TagResourceResponse]
	KeyId string
	Tags  Tags
}

// Operation returns [OpTagResource].
func (*TagResourceRequest) Operation() Operation { return OpTagResource }

func (r *TagResourceRequest) visit(v visitor) {
	visitOtherResources(v)
	v.str(keyID, &r.KeyId)
	v.structured(Rule{Name: "Tags", Required: true, Form: tagsForm}, &r.Tags)
}

// visitOtherResources shows what a request may name instead of KeyId. It comes first, so that a request to tag a secret
// is not refused for the lack of a key.
func visitOtherResources(v visitor) {
	v.unserved(refused("SecretName"))
	v.unserved(refused("CertificateId"))
}

// TagResourceResponse says that it is done (§4.19).
type TagResourceResponse struct{ Reply }

// OpUntagResource is UntagResource.
const OpUntagResource Operation = "UntagResource"

// UntagResourceRequest removes tags from a CMK (§4.20). The reference's table calls the parameter TagsKeys, by mistake:
// its examples and all SDKs say TagKeys.
type UntagResourceRequest struct {
	answers[UntagResourceResponse]
	KeyId   string
	TagKeys TagKeys
}

// Operation returns [OpUntagResource].
func (*UntagResourceRequest) Operation() Operation { return OpUntagResource }

func (r *UntagResourceRequest) visit(v visitor) {
	visitOtherResources(v)
	v.str(keyID, &r.KeyId)
	v.structured(Rule{Name: "TagKeys", Required: true, Form: tagKeysForm}, &r.TagKeys)
}

// UntagResourceResponse says that it is done (§4.20).
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

// TagList is the wrapper that the wire has around a list of tags.
type TagList struct{ Tag []TagEntry }

// TagEntry is one tag in a list.
type TagEntry struct {
	KeyId    string
	TagKey   string
	TagValue string
}
