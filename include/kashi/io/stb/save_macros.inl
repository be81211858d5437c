// Included before stb (no include guard): puts the macros of the user's own stb aside, so that ours is compiled with our
// settings only. restore_macros.inl brings them back. The list, the same in both, is every macro that stb names, and its
// functions: stb declares them extern "C", and GCC gives such names to the assembler as they are, whatever the namespace
// and even if static, so ours get names of their own.
#pragma push_macro("FAST_BITS")
#undef FAST_BITS
#pragma push_macro("INCLUDE_STB_IMAGE_WRITE_H")
#undef INCLUDE_STB_IMAGE_WRITE_H
#pragma push_macro("STBIDEF")
#undef STBIDEF
#pragma push_macro("STBIWDEF")
#undef STBIWDEF
#pragma push_macro("STBIW_ASSERT")
#undef STBIW_ASSERT
#pragma push_macro("STBIW_CRC32")
#undef STBIW_CRC32
#pragma push_macro("STBIW_EXTERN")
#undef STBIW_EXTERN
#pragma push_macro("STBIW_FREE")
#undef STBIW_FREE
#pragma push_macro("STBIW_MALLOC")
#undef STBIW_MALLOC
#pragma push_macro("STBIW_MEMMOVE")
#undef STBIW_MEMMOVE
#pragma push_macro("STBIW_REALLOC")
#undef STBIW_REALLOC
#pragma push_macro("STBIW_REALLOC_SIZED")
#undef STBIW_REALLOC_SIZED
#pragma push_macro("STBIW_UCHAR")
#undef STBIW_UCHAR
#pragma push_macro("STBIW_ZLIB_COMPRESS")
#undef STBIW_ZLIB_COMPRESS
#pragma push_macro("STBI_ASSERT")
#undef STBI_ASSERT
#pragma push_macro("STBI_EXTERN")
#undef STBI_EXTERN
#pragma push_macro("STBI_FAILURE_USERMSG")
#undef STBI_FAILURE_USERMSG
#pragma push_macro("STBI_FREE")
#undef STBI_FREE
#pragma push_macro("STBI_HAS_LROTL")
#undef STBI_HAS_LROTL
#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#undef STBI_INCLUDE_STB_IMAGE_H
#pragma push_macro("STBI_MALLOC")
#undef STBI_MALLOC
#pragma push_macro("STBI_MAX_DIMENSIONS")
#undef STBI_MAX_DIMENSIONS
#pragma push_macro("STBI_NEON")
#undef STBI_NEON
#pragma push_macro("STBI_NOTUSED")
#undef STBI_NOTUSED
#pragma push_macro("STBI_NO_BMP")
#undef STBI_NO_BMP
#pragma push_macro("STBI_NO_FAILURE_STRINGS")
#undef STBI_NO_FAILURE_STRINGS
#pragma push_macro("STBI_NO_GIF")
#undef STBI_NO_GIF
#pragma push_macro("STBI_NO_HDR")
#undef STBI_NO_HDR
#pragma push_macro("STBI_NO_JPEG")
#undef STBI_NO_JPEG
#pragma push_macro("STBI_NO_LINEAR")
#undef STBI_NO_LINEAR
#pragma push_macro("STBI_NO_PIC")
#undef STBI_NO_PIC
#pragma push_macro("STBI_NO_PNG")
#undef STBI_NO_PNG
#pragma push_macro("STBI_NO_PNM")
#undef STBI_NO_PNM
#pragma push_macro("STBI_NO_PSD")
#undef STBI_NO_PSD
#pragma push_macro("STBI_NO_SIMD")
#undef STBI_NO_SIMD
#pragma push_macro("STBI_NO_STDIO")
#undef STBI_NO_STDIO
#pragma push_macro("STBI_NO_TGA")
#undef STBI_NO_TGA
#pragma push_macro("STBI_NO_THREAD_LOCALS")
#undef STBI_NO_THREAD_LOCALS
#pragma push_macro("STBI_NO_ZLIB")
#undef STBI_NO_ZLIB
#pragma push_macro("STBI_ONLY_BMP")
#undef STBI_ONLY_BMP
#pragma push_macro("STBI_ONLY_GIF")
#undef STBI_ONLY_GIF
#pragma push_macro("STBI_ONLY_HDR")
#undef STBI_ONLY_HDR
#pragma push_macro("STBI_ONLY_JPEG")
#undef STBI_ONLY_JPEG
#pragma push_macro("STBI_ONLY_PIC")
#undef STBI_ONLY_PIC
#pragma push_macro("STBI_ONLY_PNG")
#undef STBI_ONLY_PNG
#pragma push_macro("STBI_ONLY_PNM")
#undef STBI_ONLY_PNM
#pragma push_macro("STBI_ONLY_PSD")
#undef STBI_ONLY_PSD
#pragma push_macro("STBI_ONLY_TGA")
#undef STBI_ONLY_TGA
#pragma push_macro("STBI_ONLY_ZLIB")
#undef STBI_ONLY_ZLIB
#pragma push_macro("STBI_REALLOC")
#undef STBI_REALLOC
#pragma push_macro("STBI_REALLOC_SIZED")
#undef STBI_REALLOC_SIZED
#pragma push_macro("STBI_SIMD_ALIGN")
#undef STBI_SIMD_ALIGN
#pragma push_macro("STBI_SSE2")
#undef STBI_SSE2
#pragma push_macro("STBI_SUPPORT_ZLIB")
#undef STBI_SUPPORT_ZLIB
#pragma push_macro("STBI_THREAD_LOCAL")
#undef STBI_THREAD_LOCAL
#pragma push_macro("STBI_VERSION")
#undef STBI_VERSION
#pragma push_macro("STBI_WRITE_NO_STDIO")
#undef STBI_WRITE_NO_STDIO
#pragma push_macro("STBI__BYTECAST")
#undef STBI__BYTECAST
#pragma push_macro("STBI__CASE")
#undef STBI__CASE
#pragma push_macro("STBI__COMBO")
#undef STBI__COMBO
#pragma push_macro("STBI__HDR_BUFLEN")
#undef STBI__HDR_BUFLEN
#pragma push_macro("STBI__IDCT_1D")
#undef STBI__IDCT_1D
#pragma push_macro("STBI__MARKER_none")
#undef STBI__MARKER_none
#pragma push_macro("STBI__PNG_TYPE")
#undef STBI__PNG_TYPE
#pragma push_macro("STBI__RESTART")
#undef STBI__RESTART
#pragma push_macro("STBI__X64_TARGET")
#undef STBI__X64_TARGET
#pragma push_macro("STBI__X86_TARGET")
#undef STBI__X86_TARGET
#pragma push_macro("STBI__ZFAST_BITS")
#undef STBI__ZFAST_BITS
#pragma push_macro("STBI__ZFAST_MASK")
#undef STBI__ZFAST_MASK
#pragma push_macro("STBI__ZNSYMS")
#undef STBI__ZNSYMS
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#undef STB_IMAGE_IMPLEMENTATION
#pragma push_macro("STB_IMAGE_STATIC")
#undef STB_IMAGE_STATIC
#pragma push_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#pragma push_macro("STB_IMAGE_WRITE_STATIC")
#undef STB_IMAGE_WRITE_STATIC
#pragma push_macro("dct_bfly32o")
#undef dct_bfly32o
#pragma push_macro("dct_const")
#undef dct_const
#pragma push_macro("dct_interleave16")
#undef dct_interleave16
#pragma push_macro("dct_interleave8")
#undef dct_interleave8
#pragma push_macro("dct_long_mac")
#undef dct_long_mac
#pragma push_macro("dct_long_mul")
#undef dct_long_mul
#pragma push_macro("dct_pass")
#undef dct_pass
#pragma push_macro("dct_rot")
#undef dct_rot
#pragma push_macro("dct_trn16")
#undef dct_trn16
#pragma push_macro("dct_trn32")
#undef dct_trn32
#pragma push_macro("dct_trn64")
#undef dct_trn64
#pragma push_macro("dct_trn8_16")
#undef dct_trn8_16
#pragma push_macro("dct_trn8_32")
#undef dct_trn8_32
#pragma push_macro("dct_trn8_8")
#undef dct_trn8_8
#pragma push_macro("dct_wadd")
#undef dct_wadd
#pragma push_macro("dct_widen")
#undef dct_widen
#pragma push_macro("dct_wsub")
#undef dct_wsub
#pragma push_macro("stbi__DNL")
#undef stbi__DNL
#pragma push_macro("stbi__EOI")
#undef stbi__EOI
#pragma push_macro("stbi__SOF")
#undef stbi__SOF
#pragma push_macro("stbi__SOF_progressive")
#undef stbi__SOF_progressive
#pragma push_macro("stbi__SOI")
#undef stbi__SOI
#pragma push_macro("stbi__SOS")
#undef stbi__SOS
#pragma push_macro("stbi__de_iphone_flag")
#undef stbi__de_iphone_flag
#pragma push_macro("stbi__div16")
#undef stbi__div16
#pragma push_macro("stbi__div4")
#undef stbi__div4
#pragma push_macro("stbi__err")
#undef stbi__err
#pragma push_macro("stbi__errpf")
#undef stbi__errpf
#pragma push_macro("stbi__errpuc")
#undef stbi__errpuc
#pragma push_macro("stbi__f2f")
#undef stbi__f2f
#pragma push_macro("stbi__float2fixed")
#undef stbi__float2fixed
#pragma push_macro("stbi__float2int")
#undef stbi__float2int
#pragma push_macro("stbi__fsh")
#undef stbi__fsh
#pragma push_macro("stbi__unpremultiply_on_load")
#undef stbi__unpremultiply_on_load
#pragma push_macro("stbi__vertically_flip_on_load")
#undef stbi__vertically_flip_on_load
#pragma push_macro("stbi_inline")
#undef stbi_inline
#pragma push_macro("stbi_lrot")
#undef stbi_lrot
#pragma push_macro("stbiw__ZHASH")
#undef stbiw__ZHASH
#pragma push_macro("stbiw__max")
#undef stbiw__max
#pragma push_macro("stbiw__sbcount")
#undef stbiw__sbcount
#pragma push_macro("stbiw__sbfree")
#undef stbiw__sbfree
#pragma push_macro("stbiw__sbgrow")
#undef stbiw__sbgrow
#pragma push_macro("stbiw__sbm")
#undef stbiw__sbm
#pragma push_macro("stbiw__sbmaybegrow")
#undef stbiw__sbmaybegrow
#pragma push_macro("stbiw__sbn")
#undef stbiw__sbn
#pragma push_macro("stbiw__sbneedgrow")
#undef stbiw__sbneedgrow
#pragma push_macro("stbiw__sbpush")
#undef stbiw__sbpush
#pragma push_macro("stbiw__sbraw")
#undef stbiw__sbraw
#pragma push_macro("stbiw__wp32")
#undef stbiw__wp32
#pragma push_macro("stbiw__wpng4")
#undef stbiw__wpng4
#pragma push_macro("stbiw__wptag")
#undef stbiw__wptag
#pragma push_macro("stbiw__zlib_add")
#undef stbiw__zlib_add
#pragma push_macro("stbiw__zlib_flush")
#undef stbiw__zlib_flush
#pragma push_macro("stbiw__zlib_huff")
#undef stbiw__zlib_huff
#pragma push_macro("stbiw__zlib_huff1")
#undef stbiw__zlib_huff1
#pragma push_macro("stbiw__zlib_huff2")
#undef stbiw__zlib_huff2
#pragma push_macro("stbiw__zlib_huff3")
#undef stbiw__zlib_huff3
#pragma push_macro("stbiw__zlib_huff4")
#undef stbiw__zlib_huff4
#pragma push_macro("stbiw__zlib_huffa")
#undef stbiw__zlib_huffa
#pragma push_macro("stbiw__zlib_huffb")
#undef stbiw__zlib_huffb
#pragma push_macro("stbi__unpremultiply_on_load_thread")
#undef stbi__unpremultiply_on_load_thread
#define stbi__unpremultiply_on_load_thread kashi_stbi__unpremultiply_on_load_thread
#pragma push_macro("stbi_convert_iphone_png_to_rgb")
#undef stbi_convert_iphone_png_to_rgb
#define stbi_convert_iphone_png_to_rgb kashi_stbi_convert_iphone_png_to_rgb
#pragma push_macro("stbi_convert_iphone_png_to_rgb_thread")
#undef stbi_convert_iphone_png_to_rgb_thread
#define stbi_convert_iphone_png_to_rgb_thread kashi_stbi_convert_iphone_png_to_rgb_thread
#pragma push_macro("stbi_convert_wchar_to_utf8")
#undef stbi_convert_wchar_to_utf8
#define stbi_convert_wchar_to_utf8 kashi_stbi_convert_wchar_to_utf8
#pragma push_macro("stbi_failure_reason")
#undef stbi_failure_reason
#define stbi_failure_reason kashi_stbi_failure_reason
#pragma push_macro("stbi_hdr_to_ldr_gamma")
#undef stbi_hdr_to_ldr_gamma
#define stbi_hdr_to_ldr_gamma kashi_stbi_hdr_to_ldr_gamma
#pragma push_macro("stbi_hdr_to_ldr_scale")
#undef stbi_hdr_to_ldr_scale
#define stbi_hdr_to_ldr_scale kashi_stbi_hdr_to_ldr_scale
#pragma push_macro("stbi_image_free")
#undef stbi_image_free
#define stbi_image_free kashi_stbi_image_free
#pragma push_macro("stbi_info")
#undef stbi_info
#define stbi_info kashi_stbi_info
#pragma push_macro("stbi_info_from_callbacks")
#undef stbi_info_from_callbacks
#define stbi_info_from_callbacks kashi_stbi_info_from_callbacks
#pragma push_macro("stbi_info_from_file")
#undef stbi_info_from_file
#define stbi_info_from_file kashi_stbi_info_from_file
#pragma push_macro("stbi_info_from_memory")
#undef stbi_info_from_memory
#define stbi_info_from_memory kashi_stbi_info_from_memory
#pragma push_macro("stbi_is_16_bit")
#undef stbi_is_16_bit
#define stbi_is_16_bit kashi_stbi_is_16_bit
#pragma push_macro("stbi_is_16_bit_from_callbacks")
#undef stbi_is_16_bit_from_callbacks
#define stbi_is_16_bit_from_callbacks kashi_stbi_is_16_bit_from_callbacks
#pragma push_macro("stbi_is_16_bit_from_file")
#undef stbi_is_16_bit_from_file
#define stbi_is_16_bit_from_file kashi_stbi_is_16_bit_from_file
#pragma push_macro("stbi_is_16_bit_from_memory")
#undef stbi_is_16_bit_from_memory
#define stbi_is_16_bit_from_memory kashi_stbi_is_16_bit_from_memory
#pragma push_macro("stbi_is_hdr")
#undef stbi_is_hdr
#define stbi_is_hdr kashi_stbi_is_hdr
#pragma push_macro("stbi_is_hdr_from_callbacks")
#undef stbi_is_hdr_from_callbacks
#define stbi_is_hdr_from_callbacks kashi_stbi_is_hdr_from_callbacks
#pragma push_macro("stbi_is_hdr_from_file")
#undef stbi_is_hdr_from_file
#define stbi_is_hdr_from_file kashi_stbi_is_hdr_from_file
#pragma push_macro("stbi_is_hdr_from_memory")
#undef stbi_is_hdr_from_memory
#define stbi_is_hdr_from_memory kashi_stbi_is_hdr_from_memory
#pragma push_macro("stbi_ldr_to_hdr_gamma")
#undef stbi_ldr_to_hdr_gamma
#define stbi_ldr_to_hdr_gamma kashi_stbi_ldr_to_hdr_gamma
#pragma push_macro("stbi_ldr_to_hdr_scale")
#undef stbi_ldr_to_hdr_scale
#define stbi_ldr_to_hdr_scale kashi_stbi_ldr_to_hdr_scale
#pragma push_macro("stbi_load")
#undef stbi_load
#define stbi_load kashi_stbi_load
#pragma push_macro("stbi_load_16")
#undef stbi_load_16
#define stbi_load_16 kashi_stbi_load_16
#pragma push_macro("stbi_load_16_from_callbacks")
#undef stbi_load_16_from_callbacks
#define stbi_load_16_from_callbacks kashi_stbi_load_16_from_callbacks
#pragma push_macro("stbi_load_16_from_memory")
#undef stbi_load_16_from_memory
#define stbi_load_16_from_memory kashi_stbi_load_16_from_memory
#pragma push_macro("stbi_load_from_callbacks")
#undef stbi_load_from_callbacks
#define stbi_load_from_callbacks kashi_stbi_load_from_callbacks
#pragma push_macro("stbi_load_from_file")
#undef stbi_load_from_file
#define stbi_load_from_file kashi_stbi_load_from_file
#pragma push_macro("stbi_load_from_file_16")
#undef stbi_load_from_file_16
#define stbi_load_from_file_16 kashi_stbi_load_from_file_16
#pragma push_macro("stbi_load_from_memory")
#undef stbi_load_from_memory
#define stbi_load_from_memory kashi_stbi_load_from_memory
#pragma push_macro("stbi_load_gif_from_memory")
#undef stbi_load_gif_from_memory
#define stbi_load_gif_from_memory kashi_stbi_load_gif_from_memory
#pragma push_macro("stbi_loadf")
#undef stbi_loadf
#define stbi_loadf kashi_stbi_loadf
#pragma push_macro("stbi_loadf_from_callbacks")
#undef stbi_loadf_from_callbacks
#define stbi_loadf_from_callbacks kashi_stbi_loadf_from_callbacks
#pragma push_macro("stbi_loadf_from_file")
#undef stbi_loadf_from_file
#define stbi_loadf_from_file kashi_stbi_loadf_from_file
#pragma push_macro("stbi_loadf_from_memory")
#undef stbi_loadf_from_memory
#define stbi_loadf_from_memory kashi_stbi_loadf_from_memory
#pragma push_macro("stbi_set_flip_vertically_on_load")
#undef stbi_set_flip_vertically_on_load
#define stbi_set_flip_vertically_on_load kashi_stbi_set_flip_vertically_on_load
#pragma push_macro("stbi_set_flip_vertically_on_load_thread")
#undef stbi_set_flip_vertically_on_load_thread
#define stbi_set_flip_vertically_on_load_thread kashi_stbi_set_flip_vertically_on_load_thread
#pragma push_macro("stbi_set_unpremultiply_on_load")
#undef stbi_set_unpremultiply_on_load
#define stbi_set_unpremultiply_on_load kashi_stbi_set_unpremultiply_on_load
#pragma push_macro("stbi_set_unpremultiply_on_load_thread")
#undef stbi_set_unpremultiply_on_load_thread
#define stbi_set_unpremultiply_on_load_thread kashi_stbi_set_unpremultiply_on_load_thread
#pragma push_macro("stbi_zlib_decode_buffer")
#undef stbi_zlib_decode_buffer
#define stbi_zlib_decode_buffer kashi_stbi_zlib_decode_buffer
#pragma push_macro("stbi_zlib_decode_malloc")
#undef stbi_zlib_decode_malloc
#define stbi_zlib_decode_malloc kashi_stbi_zlib_decode_malloc
#pragma push_macro("stbi_zlib_decode_malloc_guesssize")
#undef stbi_zlib_decode_malloc_guesssize
#define stbi_zlib_decode_malloc_guesssize kashi_stbi_zlib_decode_malloc_guesssize
#pragma push_macro("stbi_zlib_decode_malloc_guesssize_headerflag")
#undef stbi_zlib_decode_malloc_guesssize_headerflag
#define stbi_zlib_decode_malloc_guesssize_headerflag kashi_stbi_zlib_decode_malloc_guesssize_headerflag
#pragma push_macro("stbi_zlib_decode_noheader_buffer")
#undef stbi_zlib_decode_noheader_buffer
#define stbi_zlib_decode_noheader_buffer kashi_stbi_zlib_decode_noheader_buffer
#pragma push_macro("stbi_zlib_decode_noheader_malloc")
#undef stbi_zlib_decode_noheader_malloc
#define stbi_zlib_decode_noheader_malloc kashi_stbi_zlib_decode_noheader_malloc
