(type $t-0 u8)
{types}
