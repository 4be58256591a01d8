(type $t-0 (list u8))
{types}
