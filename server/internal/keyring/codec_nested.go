package keyring

// nested is a field for a list of records within a record. It is written as one field for each item: the item's fields,
// without the format byte. No item may be empty.
func nested[T any, P interface {
	*T
	record
}](c *codec, number byte, field *[]T) {
	if c.writing {
		for i := range *field {
			item := codec{writing: true}
			P(&(*field)[i]).fields(&item)
			c.put(number, item.value...)
		}
		return
	}
	var item codec
	for from, to, ok := c.takeSome(number); ok; from, to, ok = c.takeSome(number) {
		item = codec{value: c.value[from:to:to], text: c.substring(from, to)}
		*field = append(*field, *new(T))
		P(&(*field)[len(*field)-1]).fields(&item)
		if c.malformed = c.malformed || item.malformed || item.next != to-from; c.malformed {
			return
		}
	}
}
